/*
 * The Apple events with which the panel asks loginwindow to restart, to shut down
 * and to sleep, declared from their public documentation (see
 * ../Foundation/Foundation.h).
 */
#ifndef LATCHKEY_STANDIN_APPLICATIONSERVICES_H
#define LATCHKEY_STANDIN_APPLICATIONSERVICES_H

#include <CoreFoundation/CoreFoundation.h>

typedef FourCharCode AEEventClass;
typedef FourCharCode AEEventID;
typedef FourCharCode DescType;
typedef SInt16 AEReturnID;
typedef SInt32 AETransactionID;
typedef SInt32 AESendMode;
typedef struct OpaqueAEDataStorageType *AEDataStorageType;
typedef AEDataStorageType *AEDataStorage;

/* These have two bytes between their members, on every Mac. */
#pragma pack(push, 2)
typedef struct AEDesc {
    DescType descriptorType;
    AEDataStorage dataHandle;
} AEDesc;
#pragma pack(pop)
typedef AEDesc AEAddressDesc;
typedef AEDesc AppleEvent;

_Static_assert(sizeof(ProcessSerialNumber) == 8, "size of ProcessSerialNumber");
_Static_assert(sizeof(AEDesc) == 12, "size of AEDesc");

enum {
    kCoreEventClass = 'aevt',
    kAERestart = 'rest',
    kAEShutDown = 'shut',
    kAESleep = 'slep',
    typeNull = 'null',
    typeProcessSerialNumber = 'psn ',
};
enum { kSystemProcess = 1 };
enum { kAutoGenerateReturnID = -1, kAnyTransactionID = 0 };
enum { kAENoReply = 0x00000001, kAEDefaultTimeout = -1 };

OSErr AECreateDesc(DescType, const void *data, Size, AEDesc *result);
OSErr AECreateAppleEvent(AEEventClass, AEEventID, const AEAddressDesc *target, AEReturnID, AETransactionID, AppleEvent *result);
OSErr AEDisposeDesc(AEDesc *);
OSStatus AESendMessage(const AppleEvent *event, AppleEvent *reply, AESendMode, long timeOutInTicks);

#endif
