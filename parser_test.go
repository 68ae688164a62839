package latchkey

import (
	"go/ast"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// decoders are the calls by which a function is known to take apart what
// others wrote.
func decoders() []string {
	return []string{
		"json.Unmarshal", "json.NewDecoder", "xml.NewDecoder", "pem.Decode", "asn1.Unmarshal", "plist.Parse", "plist.ParseFragment",
		"x509.ParseCertificate", "x509.ParseCertificateRequest", "x509.ParsePKCS8PrivateKey", "scep.ParsePKIMessage", "scep.CACerts", "pkcs7.Parse",
		"StdEncoding.DecodeString", "RawStdEncoding.DecodeString", "hex.DecodeString", "binary.BigEndian.Uint16", "BigEndian.Uint32", "BigEndian.Uint64",
		"decodeCBOR", "decodeFirstCBOR", "cbor.Unmarshal", "cbor.UnmarshalFirst", "cbor.NewDecoder", "mode.Unmarshal", "mode.UnmarshalFirst",
		"BigEndian.Uint16", "LittleEndian.Uint16", "LittleEndian.Uint32", "LittleEndian.Uint64",
		"strconv.Atoi", "strconv.ParseInt", "strconv.ParseUint", "strconv.ParseFloat", "strconv.ParseBool", "fmt.Sscanf", "fmt.Sscan",
		"time.Parse", "time.ParseDuration", "url.Parse", "url.ParseQuery", "bolt.Open",
	}
}

// decoding are the functions of a file that call a decoder, as "folder name".
func decoding(s source) (found []string) {
	for _, d := range s.ast.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		calls := false
		ast.Inspect(f, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				calls = calls || slices.Contains(decoders(), callee(call))
			}
			return !calls
		})
		if calls {
			found = append(found, path.Dir(s.path)+" "+f.Name.Name)
		}
	}
	return found
}

// callee is the last two names of what is called, or the name of a function of
// the same package.
func callee(call *ast.CallExpr) string {
	if own, ok := call.Fun.(*ast.Ident); ok {
		return own.Name
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	switch x := sel.X.(type) {
	case *ast.Ident:
		return x.Name + "." + sel.Sel.Name
	case *ast.SelectorExpr:
		return x.Sel.Name + "." + sel.Sel.Name
	case *ast.CallExpr: // base64.StdEncoding.Strict().DecodeString
		return "StdEncoding." + sel.Sel.Name
	}
	return ""
}

// fuzzed are the fuzz targets, as "folder FuzzName", with the functions of that
// folder that each reaches and that take bytes apart. Those in C are named for
// the reader: this test sees Go only.
func fuzzed() map[string]string {
	all := map[string]string{}
	for _, side := range []map[string]string{fuzzedOnTheMac(), fuzzedOnTheServer(), fuzzedOnBoth()} {
		maps.Copy(all, side)
	}
	return all
}

func fuzzedOnTheMac() map[string]string {
	return map[string]string{
		"internal/ctap FuzzAssertion":                  "parseAssertion",
		"internal/ctap FuzzAuthData":                   "parseAuthData takeCredential",
		"internal/ctap FuzzCredential":                 "parseCredential",
		"internal/ctap FuzzInfo":                       "decodeCBOR decodeFirstCBOR parseInfo",
		"internal/ctap FuzzPINAnswer":                  "parsePINAnswer",
		"internal/ctap FuzzPublicKey":                  "onCurve parsePublicKey readRSA",
		"internal/ctap FuzzVerify":                     "parseAuthData parsePublicKey",
		"internal/ctap/hid FuzzDescriptor":             "nextItem",
		"internal/ctap/hid FuzzReports":                "first take",
		"internal/ctap/hid FuzzWelcome":                "parseWelcome",
		"internal/device/agent FuzzForm":               "actFrom",
		"internal/device/agent FuzzLine":               "choose",
		"internal/device/checkin FuzzDecodeAnswer":     "decode",
		"internal/device/checkin FuzzRecord":           "Load",
		"internal/device/checkin FuzzRefusal":          "refusal seconds",
		"internal/device/checkin FuzzWellKnown":        "httpsURL",
		"internal/device/events FuzzQueue":             "Open Pending numberOf",
		"internal/device/factor/accesscode FuzzRecord": "load",
		"internal/device/factor/offlinekey FuzzRecord": "load",
		"internal/device/identity FuzzAnswer":          "answer",
		"internal/device/identity FuzzAuthority":       "ask check",
		"internal/device/identity FuzzChallenge":       "challenge",
		"internal/device/identity FuzzHeld":            "marked parsed",
		"internal/device/identity FuzzMarker":          "HasMarker",
		"internal/device/identity FuzzParse":           "parse parseKey",
		"internal/device/identity FuzzSCEPServer":      "certificates",
		"internal/device/launch FuzzNamed":             "named",
		"internal/device/linking FuzzLink":             "Free Of",
		"internal/device/loginright FuzzCode":          "codeProblem oneOnly",
		"internal/device/loginright FuzzInfo":          "infoProblem",
		"internal/device/loginright FuzzRight":         "Parse keysOf locate",
		"internal/device/loginright FuzzSignature":     "runtimeIn teamIn",
		"internal/device/macos FuzzHardware":           "fact parseHardware",
		"internal/device/macos FuzzIdentity":           "publicKey",
		"internal/device/macos FuzzUser":               "parseUID parseUser",
		"internal/device/machine FuzzRead":             "Read",
		"internal/device/managedprefs FuzzRestore":     "parse",
		"internal/device/org FuzzDeviceURL":            "deviceURL",
		"internal/device/recovery FuzzRecord":          "decode",
		"internal/device/service FuzzExempt":           "openExempt",
		"internal/device/service FuzzOrg":              "openOrg",
		"internal/device/service FuzzRemote":           "untilOf",
		"internal/device/session FuzzAccountRecord":    "Accounts record",
		"internal/device/store FuzzFile":               "lockFile",
		"internal/device/store FuzzUnseal":             "open",
		"internal/device/trustedtime FuzzState":        "Open",
		"internal/device/xipc FuzzFrame":               "readFrame uint32 uint64",
		"internal/device/xipc FuzzHello":               "localesFrom",
	}
}

func fuzzedOnTheServer() map[string]string {
	return map[string]string{
		"cmd/latchkey-server FuzzConfig":           "parseConfig",
		"cmd/latchkey-server FuzzAnswer":           "read",
		"internal/server/access FuzzToken":         "split",
		"internal/server/adminapi FuzzDecodePIN":   "DecodePIN",
		"internal/server/adminapi FuzzLogQuery":    "logQuery page times",
		"internal/server/adminapi FuzzRequest":     "decode",
		"internal/server/authenticator FuzzBody":   "decode",
		"internal/server/webpush FuzzSubscription": "read",
		"internal/server/console FuzzMoment":       "moment",
		"internal/server/console FuzzNext":         "next",
		"internal/server/console FuzzNumber":       "number",
		"internal/server/console FuzzPolicy":       "policyRows",
		"internal/server/credential FuzzAnswer":    "parseAssertion parseCreation",
		"internal/server/credential FuzzAssertion": "Challenge",
		"internal/server/credential FuzzDecode":    "Decode data",
		"internal/server/directauth FuzzAssertion": "assertion",
		"internal/server/desk FuzzDifferences":     "Differences",
		"internal/server/desk FuzzOlder":           "numbers",
		"internal/server/desk FuzzReadMembers":     "readList",
		"internal/server/desk FuzzReadPrelinks":    "readList",
		"internal/server/deviceapi FuzzDecode":     "Decode",
		"internal/server/federation FuzzAnswer":    "readAnswer",
		"internal/server/federation FuzzClaims":    "groupsIn",
		"internal/server/federation FuzzEndpoint":  "loopback secure",
		"internal/server/federation FuzzRule":      "ParseRule",
		"internal/server/federation FuzzToken":     "UnmarshalJSON named noLogout",
		"internal/server/directauth FuzzBasic":     "basicCredentials",
		"internal/server/directauth FuzzForm":      "parseForm",
		"internal/server/directauth FuzzQuoted":    "quoted",
		"internal/server/password FuzzHash":        "parseHash",
		"internal/server/pki FuzzChain":            "certificates",
		"internal/server/pki FuzzGET":              "message",
		"internal/server/pki FuzzMarker":           "HasMarker",
		"internal/server/pki FuzzRequest":          "read",
		"internal/server/recovery FuzzActivation":  "ActivationFrom",
		"internal/server/recovery FuzzLimits":      "limitsOf",
		"internal/server/scim FuzzFilter":          "lex value",
		"internal/server/signin FuzzPasskey":       "parseAssertion parseCreation",
		"internal/server/signin FuzzRecoveryCode":  "parseRecoveryCode",
		"internal/server/signin FuzzToken":         "split",
		"internal/server/store FuzzURL":            "HoldsPassword local",
		"internal/server/systemlog FuzzEntry":      "event",
		"internal/server/vault FuzzKeyFile":        "private",
		"internal/server/vault FuzzSealed":         "Open",
		"internal/server/forward FuzzMessage":      "structured value messageID",
		"internal/server/forward FuzzParse":        "Parse",
	}
}

func fuzzedOnBoth() map[string]string {
	return map[string]string{
		"internal/authhost FuzzMessage":         "number readMessage",
		"internal/authhost FuzzRight":           "ParseRight",
		"internal/authhost/script FuzzParse":    "duration readSize",
		"internal/clock FuzzShift":              "shift",
		"internal/devaccounts FuzzParse":        "Parse parseHash readAccount readAliases readID readPassword readText scanned",
		"internal/plist FuzzBinary":             "Parse key",
		"internal/plist FuzzXML":                "isBase64 isInteger isReal surveyXML",
		"internal/profile FuzzAnswers":          "ReadAnswers real typedValue",
		"internal/profile FuzzLint":             "Lint Read bounded decoded entity integer parse parseCMS unwrap",
		"internal/profile FuzzRead":             "tree",
		"internal/policy FuzzFromDocument":      "FromDocument readURL",
		"internal/wire FuzzControl":             "FromDictionary",
		"internal/wire FuzzDictionaries":        "ScreenFrom",
		"packaging/darwin/inspect FuzzExported": "number",
		"packaging/darwin/inspect FuzzOpen":     "address command signed",
		"packaging/darwin/inspect FuzzStub":     "add",
		"pkg/directauth FuzzChallenge":          "UnmarshalJSON party readChallenged readWebAuthn",
		"pkg/directauth FuzzConfig":             "address",
		"pkg/directauth FuzzIDToken":            "verify",
		"pkg/directauth FuzzKeys":               "readKeys",
		"pkg/directauth FuzzOOB":                "UnmarshalJSON readOOB",
		"pkg/directauth FuzzRefusal":            "read waitOf",
		"pkg/directauth FuzzTokens":             "readTokens",
		"pkg/recoverypin FuzzParseDeviceCode":   "ParseDeviceCode",
		"pkg/recoverypin FuzzParsePIN":          "ParsePIN",
		"pkg/totp FuzzParseCode":                "ParseCode",
		"plugin/abitest FuzzHints":              "invocation_start",
		"plugin/abitest FuzzHost":               "frame_receive",
		"plugin/mechanism FuzzContactFile":      "readContact",
		"plugin/mechanism FuzzGateFile":         "readFallback readTrusted",
		"plugin/panel/native FuzzEvent":         "told",
	}
}

// unfuzzed are functions that need no target, by the reason.
func unfuzzed() map[string][]string {
	return map[string][]string{
		"a flag or a variable of whoever starts the program":     {"cmd/latchkey signingIdentity", "cmd/latchkey-server client", "internal/server/webpush CheckOwn", "internal/server/tlscert Check", "internal/server/tlscert Manager", "internal/profile check", "internal/profile payload", "internal/server/credential NewParty", "internal/server/signin relyingParty", "internal/server/federation Name"},
		"a key that the person at the screen pressed":            {"plugin/panel/terminal shortcut"},
		"a file of a program that the tests started":             {"internal/server/store/storetest PID"},
		"a value of what internal/plist has read":                {"cmd/latchkey profileSecrets"},
		"a sum of this program's own":                            {"pkg/recoverypin number", "pkg/totp digits"},
		"the files of this very build":                           {"internal/locale Read", "packaging/darwin/inspect information"},
		"the X server that the test has started":                 {"plugin/paneltest decode", "plugin/paneltest rectangle"},
		"the key that a script's player read off its own screen": {"internal/authhost/script typeCode"},
		"a number that this system gave out itself":              {"internal/ctap/hid Open"},
		"a number or nothing":                                    {"internal/device/agent hasChanged"},
		"an address that internal/policy has read and bounded":   {"internal/device/org RelyingParty", "internal/device/service orgName"},
		"the operating system's own answer":                      {"internal/device/directory account", "internal/server/store/storetest programs", "internal/server/store/storetest owner"},
		"what this server wrote into its own database":           {"internal/server/deviceapi again", "internal/server/directauth openKey", "internal/server/desk intended", "internal/server/directory Rules", "internal/server/directory AuthenticatorSettings", "internal/server/directory Settings", "internal/server/directory scanAccount", "internal/server/directory scanDevice", "internal/server/pki load", "internal/server/signin holderOf", "internal/server/signin waiting", "internal/server/webpush openKey"},
		"what this server sealed itself":                         {"internal/server/federation open"},
		"an address that was held against FuzzEndpoint's rules":  {"internal/server/federation SignOutURL"},
		"what was made a line above":                             {"internal/device/identity exchange", "internal/device/identity selfSigned", "internal/server/pki sign", "internal/wire DictionaryOf"},
	}
}

// accounted are all functions of the two lists, as "folder name".
func accounted() map[string]bool {
	all := map[string]bool{}
	for target, functions := range fuzzed() {
		folder, _, _ := strings.Cut(target, " ")
		for _, name := range strings.Fields(functions) {
			all[folder+" "+name] = true
		}
	}
	for _, functions := range unfuzzed() {
		for _, f := range functions {
			all[f] = true
		}
	}
	return all
}

// targets are the fuzz targets of a file, as "folder FuzzName".
func targets(s source) (found []string) {
	for _, d := range s.ast.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Fuzz") && s.test() {
			found = append(found, path.Dir(s.path)+" "+f.Name.Name)
		}
	}
	return found
}

// TestEveryParserIsFuzzed: a function that takes bytes apart is reached by a
// target, or needs none for a reason; and the list has every target.
func TestEveryParserIsFuzzed(t *testing.T) {
	listed, known, there := fuzzed(), accounted(), map[string]bool{}
	for _, s := range sources(t, osRoot()) {
		for _, target := range targets(s) {
			there[target] = true
			if listed[target] == "" {
				t.Errorf("%s: name in fuzzed() what it reaches", target)
			}
		}
		if s.test() || harness(s.path) || strings.HasPrefix(s.path, "internal/server/servertest/") {
			continue
		}
		for _, f := range decoding(s) {
			if !known[f] {
				t.Errorf("%s takes bytes apart: give it a fuzz target and name it in fuzzed(), or say in unfuzzed() why it needs none", f)
			}
		}
	}
	for target := range listed {
		if !there[target] {
			t.Errorf("there is no target %s", target)
		}
	}
}
