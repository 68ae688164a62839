/*
 * The keychain items that go-keychain reads and writes, declared from their public
 * documentation (see ../Foundation/Foundation.h).
 */
#ifndef LATCHKEY_STANDIN_SECURITY_H
#define LATCHKEY_STANDIN_SECURITY_H

#include <CoreFoundation/CoreFoundation.h>

enum {
    errSecSuccess = 0,
    errSecUnimplemented = -4,
    errSecParam = -50,
    errSecAllocate = -108,
    errSecUserCanceled = -128,
    errSecNoAccessForItem = -25243,
    errSecInvalidOwnerEdit = -25244,
    errSecNotAvailable = -25291,
    errSecReadOnly = -25292,
    errSecAuthFailed = -25293,
    errSecNoSuchKeychain = -25294,
    errSecInvalidKeychain = -25295,
    errSecDuplicateKeychain = -25296,
    errSecDuplicateItem = -25299,
    errSecItemNotFound = -25300,
    errSecInvalidItemRef = -25304,
    errSecInvalidSearchRef = -25305,
    errSecInteractionNotAllowed = -25308,
    errSecReadOnlyAttr = -25309,
    errSecWrongSecVersion = -25310,
    errSecDataNotAvailable = -25316,
    errSecDataNotModifiable = -25317,
    errSecDecode = -26275,
};

OSStatus SecItemAdd(CFDictionaryRef attributes, CFTypeRef *result);
OSStatus SecItemCopyMatching(CFDictionaryRef query, CFTypeRef *result);
OSStatus SecItemUpdate(CFDictionaryRef query, CFDictionaryRef attributes);
OSStatus SecItemDelete(CFDictionaryRef query);

extern const CFStringRef kSecClass, kSecClassGenericPassword, kSecClassInternetPassword;
extern const CFStringRef kSecMatchLimit, kSecMatchLimitAll, kSecMatchLimitOne;
extern const CFStringRef kSecReturnAttributes, kSecReturnData, kSecReturnRef, kSecValueData;
extern const CFStringRef kSecAttrAccessGroup, kSecAttrAccount, kSecAttrAuthenticationType, kSecAttrComment, kSecAttrCreationDate,
    kSecAttrDescription, kSecAttrLabel, kSecAttrModificationDate, kSecAttrPath, kSecAttrPort, kSecAttrProtocol, kSecAttrServer,
    kSecAttrService, kSecAttrSynchronizable, kSecAttrSynchronizableAny;
extern const CFStringRef kSecAttrAccessible, kSecAttrAccessibleWhenUnlocked, kSecAttrAccessibleAfterFirstUnlock, kSecAttrAccessibleAlways,
    kSecAttrAccessibleWhenUnlockedThisDeviceOnly, kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly,
    kSecAttrAccessibleAlwaysThisDeviceOnly;

#endif
