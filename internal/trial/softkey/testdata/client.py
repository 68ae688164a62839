"""Drives a security key on a socket with python-fido2's own client.

   client.py <socket> <PIN protocol> <PIN that is set, or empty>

Each step is a line on standard output. A step that fails ends it.
"""
import hashlib
import os
import socket
import sys
from collections import namedtuple

from fido2.attestation import PackedAttestation
from fido2.cose import CoseKey
from fido2.ctap import CtapError
from fido2.ctap2 import Ctap2, ClientPin, PinProtocolV1, PinProtocolV2
from fido2.hid import CtapHidDevice

RP = "latchkey.example.com"
Descriptor = namedtuple("Descriptor", "path report_size_in report_size_out")


class Connection:
    """Reports of 64 bytes over a stream socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)

    def write_packet(self, data):
        self.socket.sendall(data)

    def read_packet(self):
        report = b""
        while len(report) < 64:
            more = self.socket.recv(64 - len(report))
            if not more:
                raise EOFError("the key is gone")
            report += more
        return report


def refused(code, step):
    try:
        step()
    except CtapError as e:
        assert e.code == code, e
        return
    raise AssertionError("not refused")


def main(path, number, pin):
    key = Ctap2(CtapHidDevice(Descriptor(path, 64, 64), Connection(path)))
    client = ClientPin(key, {1: PinProtocolV1, 2: PinProtocolV2}[number]())
    if not pin:
        client.set_pin("270594")
        client.change_pin("270594", "481516")
        pin = "481516"
        print("set and changed")
    permissions = ClientPin.PERMISSION.MAKE_CREDENTIAL | ClientPin.PERMISSION.GET_ASSERTION
    refused(CtapError.ERR.PIN_INVALID, lambda: client.get_pin_token("000000", permissions, RP))
    print("retries", *client.get_pin_retries())
    token = client.get_pin_token(pin, permissions, RP)
    print("retries", *client.get_pin_retries())

    client_hash = os.urandom(32)
    rp, user, es256 = {"id": RP, "name": "Latchkey"}, {"id": b"501", "name": "mia"}, [{"type": "public-key", "alg": -7}]
    refused(CtapError.ERR.PIN_AUTH_INVALID, lambda: key.make_credential(
        client_hash, rp, user, es256, pin_uv_param=client.protocol.authenticate(bytes(32), client_hash), pin_uv_protocol=number))
    made = key.make_credential(
        client_hash, rp, user, es256, pin_uv_param=authenticate(number, token, client_hash), pin_uv_protocol=number)
    PackedAttestation().verify(made.att_statement, made.auth_data, client_hash)
    assert made.auth_data.is_user_verified() and made.auth_data.is_user_present()
    assert made.auth_data.rp_id_hash == hashlib.sha256(RP.encode()).digest()
    print("made")

    token = client.get_pin_token(pin, permissions, RP)
    credential = made.auth_data.credential_data
    allow = [{"type": "public-key", "id": credential.credential_id}]
    got = key.get_assertion(
        RP, client_hash, allow, pin_uv_param=authenticate(number, token, client_hash), pin_uv_protocol=number)
    got.verify(client_hash, CoseKey.parse(credential.public_key))
    assert got.auth_data.is_user_verified() and got.auth_data.counter > made.auth_data.counter
    print("signed")
    refused(CtapError.ERR.NO_CREDENTIALS, lambda: key.get_assertion("elsewhere.example.com", client_hash, allow))
    refused(CtapError.ERR.CREDENTIAL_EXCLUDED, lambda: again(key, client, pin, permissions, number, client_hash, rp, user, es256, allow))
    print("refused")


def authenticate(number, token, message):
    """The proof of a token, whose whole length is the key of the HMAC."""
    return {1: PinProtocolV1, 2: PinProtocolV2}[number]().authenticate(token, message)


def again(key, client, pin, permissions, number, client_hash, rp, user, es256, allow):
    token = client.get_pin_token(pin, permissions, RP)
    return key.make_credential(
        client_hash, rp, user, es256, exclude_list=allow,
        pin_uv_param=authenticate(number, token, client_hash), pin_uv_protocol=number)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
