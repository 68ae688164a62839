/*
 * The interface between an authorization host and its plug-ins, declared anew
 * so that both sides compile without the macOS SDK. Names, order, sizes and
 * values are Apple's; the assertions at the end hold the layout, which is the
 * same on every 64-bit system we build for.
 */
#ifndef LATCHKEY_AUTHORIZATION_PLUGIN_H
#define LATCHKEY_AUTHORIZATION_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

typedef int32_t OSStatus;

enum {
    kNoError = 0,
    kAuthorizationInvalidRef = -60002,
    kAuthorizationInvalidPointer = -60006,
    kAuthorizationInternal = -60008,
};

enum {
    kAuthorizationPluginInterfaceVersion = 0,
    kAuthorizationCallbacksVersion = 4, /* hosts may be newer, and older */
};

typedef uint32_t AuthorizationResult;
enum {
    kAuthorizationResultAllow = 0,
    kAuthorizationResultDeny = 1,
    kAuthorizationResultUndefined = 2,
    kAuthorizationResultUserCanceled = 3,
};

typedef uint32_t AuthorizationContextFlags;
enum {
    kAuthorizationContextFlagExtractable = 1 << 0,
    kAuthorizationContextFlagVolatile = 1 << 1,
    kAuthorizationContextFlagSticky = 1 << 2,
};

typedef void *AuthorizationPluginRef;
typedef void *AuthorizationMechanismRef;
typedef void *AuthorizationSessionId;
typedef struct OpaqueAuthorizationEngine *AuthorizationEngineRef;
typedef const char *AuthorizationMechanismId;
typedef const char *AuthorizationString;

/* Bytes, not text: nothing promises a NUL at the end. */
typedef struct {
    size_t length;
    void *data;
} AuthorizationValue;

typedef struct {
    uint32_t count;
    AuthorizationValue *values;
} AuthorizationValueVector;

/* What the host offers to a plug-in. What a getter hands out stays the host's;
 * a setter copies. */
typedef struct {
    uint32_t version;
    OSStatus (*SetResult)(AuthorizationEngineRef, AuthorizationResult);
    OSStatus (*RequestInterrupt)(AuthorizationEngineRef);
    OSStatus (*DidDeactivate)(AuthorizationEngineRef);
    OSStatus (*GetContextValue)(AuthorizationEngineRef, AuthorizationString, AuthorizationContextFlags *,
                                const AuthorizationValue **);
    OSStatus (*SetContextValue)(AuthorizationEngineRef, AuthorizationString, AuthorizationContextFlags,
                                const AuthorizationValue *);
    OSStatus (*GetHintValue)(AuthorizationEngineRef, AuthorizationString, const AuthorizationValue **);
    OSStatus (*SetHintValue)(AuthorizationEngineRef, AuthorizationString, const AuthorizationValue *);
    OSStatus (*GetArguments)(AuthorizationEngineRef, const AuthorizationValueVector **);
    OSStatus (*GetSessionId)(AuthorizationEngineRef, AuthorizationSessionId *);
    OSStatus (*GetImmutableHintValue)(AuthorizationEngineRef, AuthorizationString, const AuthorizationValue **);
    OSStatus (*GetLAContext)(AuthorizationEngineRef, void **);                     /* version 2 */
    OSStatus (*GetTokenIdentities)(AuthorizationEngineRef, void *, void **);       /* version 2 */
    OSStatus (*GetTKTokenWatcher)(AuthorizationEngineRef, void **);                /* version 3 */
    OSStatus (*RemoveHintValue)(AuthorizationEngineRef, AuthorizationString);      /* version 4 */
    OSStatus (*RemoveContextValue)(AuthorizationEngineRef, AuthorizationString);   /* version 4 */
} AuthorizationCallbacks;

/* What a plug-in offers to the host, valid until PluginDestroy. */
typedef struct {
    uint32_t version;
    OSStatus (*PluginDestroy)(AuthorizationPluginRef);
    OSStatus (*MechanismCreate)(AuthorizationPluginRef, AuthorizationEngineRef, AuthorizationMechanismId,
                                AuthorizationMechanismRef *);
    OSStatus (*MechanismInvoke)(AuthorizationMechanismRef);
    OSStatus (*MechanismDeactivate)(AuthorizationMechanismRef);
    OSStatus (*MechanismDestroy)(AuthorizationMechanismRef);
} AuthorizationPluginInterface;

typedef OSStatus AuthorizationPluginCreateFunction(const AuthorizationCallbacks *, AuthorizationPluginRef *,
                                                   const AuthorizationPluginInterface **);

#define ABI_AT(type, member, offset) \
    _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")

_Static_assert(sizeof(AuthorizationValue) == 16, "size of AuthorizationValue");
_Static_assert(sizeof(AuthorizationValueVector) == 16, "size of AuthorizationValueVector");
_Static_assert(sizeof(AuthorizationCallbacks) == 128, "size of AuthorizationCallbacks");
_Static_assert(sizeof(AuthorizationPluginInterface) == 48, "size of AuthorizationPluginInterface");
ABI_AT(AuthorizationValue, data, 8);
ABI_AT(AuthorizationValueVector, values, 8);
ABI_AT(AuthorizationCallbacks, SetResult, 8);
ABI_AT(AuthorizationCallbacks, RequestInterrupt, 16);
ABI_AT(AuthorizationCallbacks, DidDeactivate, 24);
ABI_AT(AuthorizationCallbacks, GetContextValue, 32);
ABI_AT(AuthorizationCallbacks, SetContextValue, 40);
ABI_AT(AuthorizationCallbacks, GetHintValue, 48);
ABI_AT(AuthorizationCallbacks, SetHintValue, 56);
ABI_AT(AuthorizationCallbacks, GetArguments, 64);
ABI_AT(AuthorizationCallbacks, GetSessionId, 72);
ABI_AT(AuthorizationCallbacks, GetImmutableHintValue, 80);
ABI_AT(AuthorizationCallbacks, GetLAContext, 88);
ABI_AT(AuthorizationCallbacks, GetTokenIdentities, 96);
ABI_AT(AuthorizationCallbacks, GetTKTokenWatcher, 104);
ABI_AT(AuthorizationCallbacks, RemoveHintValue, 112);
ABI_AT(AuthorizationCallbacks, RemoveContextValue, 120);
ABI_AT(AuthorizationPluginInterface, PluginDestroy, 8);
ABI_AT(AuthorizationPluginInterface, MechanismCreate, 16);
ABI_AT(AuthorizationPluginInterface, MechanismInvoke, 24);
ABI_AT(AuthorizationPluginInterface, MechanismDeactivate, 32);
ABI_AT(AuthorizationPluginInterface, MechanismDestroy, 40);

#undef ABI_AT

#endif
