/*
 * The part of Foundation that the panel uses, declared from its public
 * documentation so that it compiles without the SDK of macOS. On a Mac the SDK
 * is used instead. What is not here is not used: a new call needs its line, and
 * its symbol in ../../stubs.
 */
#ifndef LATCHKEY_STANDIN_FOUNDATION_H
#define LATCHKEY_STANDIN_FOUNDATION_H

#include <CoreFoundation/CoreFoundation.h>
#include <objc/NSObject.h>
#include <objc/message.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

@class NSString, NSArray, NSDictionary, NSData, NSDate, NSError, NSNotification;

typedef uint16_t unichar;
typedef double NSTimeInterval;
typedef NSUInteger NSStringEncoding;
typedef CGPoint NSPoint;
typedef CGSize NSSize;
typedef CGRect NSRect;
typedef struct _NSRange {
    NSUInteger location;
    NSUInteger length;
} NSRange;

extern const NSPoint NSZeroPoint;
extern const NSSize NSZeroSize;
extern const NSRect NSZeroRect;
NSRect NSInsetRect(NSRect, CGFloat, CGFloat);
BOOL NSPointInRect(NSPoint, NSRect);
Class NSClassFromString(NSString *);

static inline NSPoint NSMakePoint(CGFloat x, CGFloat y) { return (NSPoint){x, y}; }
static inline NSSize NSMakeSize(CGFloat width, CGFloat height) { return (NSSize){width, height}; }
static inline NSRect NSMakeRect(CGFloat x, CGFloat y, CGFloat width, CGFloat height) { return (NSRect){{x, y}, {width, height}}; }
static inline NSRange NSMakeRange(NSUInteger location, NSUInteger length) { return (NSRange){location, length}; }
static inline CGFloat NSMinX(NSRect r) { return r.origin.x; }
static inline CGFloat NSMinY(NSRect r) { return r.origin.y; }
static inline CGFloat NSMaxX(NSRect r) { return r.origin.x + r.size.width; }
static inline CGFloat NSMaxY(NSRect r) { return r.origin.y + r.size.height; }

enum { NSUTF8StringEncoding = 4 };
static const NSInteger NSNotFound = NSIntegerMax;

/* What a for-in loop of the compiler reads. */
typedef struct {
    unsigned long state;
    id __unsafe_unretained *itemsPtr;
    unsigned long *mutationsPtr;
    unsigned long extra[5];
} NSFastEnumerationState;

@protocol NSFastEnumeration
- (NSUInteger)countByEnumeratingWithState:(NSFastEnumerationState *)state objects:(id *)buffer count:(NSUInteger)length;
@end

@interface NSObject (LatchkeyStandIn)
- (id)copy;
- (void)performSelector:(SEL)selector withObject:(id)argument afterDelay:(NSTimeInterval)delay;
- (void)performSelectorOnMainThread:(SEL)selector withObject:(id)argument waitUntilDone:(BOOL)wait modes:(NSArray *)modes;
- (void)setValue:(id)value forKey:(NSString *)key;
@end

@interface NSAutoreleasePool : NSObject
@end

@interface NSString : NSObject
+ (instancetype)stringWithFormat:(NSString *)format, ... __attribute__((format(__NSString__, 1, 2)));
- (instancetype)initWithBytes:(const void *)bytes length:(NSUInteger)length encoding:(NSStringEncoding)encoding;
- (const char *)UTF8String;
- (NSUInteger)length;
- (unichar)characterAtIndex:(NSUInteger)index;
- (BOOL)isEqualToString:(NSString *)other;
- (NSString *)stringByAppendingString:(NSString *)other;
- (NSString *)substringFromIndex:(NSUInteger)from;
- (NSString *)substringToIndex:(NSUInteger)to;
- (NSString *)substringWithRange:(NSRange)range;
- (NSRange)rangeOfString:(NSString *)part;
- (NSRange)rangeOfComposedCharacterSequenceAtIndex:(NSUInteger)index;
- (NSUInteger)lengthOfBytesUsingEncoding:(NSStringEncoding)encoding;
@end

@interface NSMutableString : NSString
+ (instancetype)string;
- (void)appendString:(NSString *)other;
- (void)deleteCharactersInRange:(NSRange)range;
@end

@interface NSData : NSObject
+ (instancetype)dataWithBytes:(const void *)bytes length:(NSUInteger)length;
- (const void *)bytes;
- (NSUInteger)length;
@end

@interface NSNumber : NSObject
+ (NSNumber *)numberWithBool:(BOOL)value;
+ (NSNumber *)numberWithInt:(int)value;
@end

/* Also of NSString: the panel asks what JSON brought. */
@interface NSObject (LatchkeyStandInValues)
- (BOOL)boolValue;
- (NSUInteger)unsignedIntegerValue;
@end

@interface NSArray : NSObject <NSFastEnumeration>
+ (instancetype)array;
+ (instancetype)arrayWithObject:(id)object;
+ (instancetype)arrayWithObjects:(id)first, ... __attribute__((sentinel(0, 1)));
- (NSUInteger)count;
- (id)objectAtIndex:(NSUInteger)index;
- (NSString *)componentsJoinedByString:(NSString *)separator;
@end

@interface NSMutableArray : NSArray
- (void)addObject:(id)object;
- (void)addObjectsFromArray:(NSArray *)other;
- (void)removeObjectAtIndex:(NSUInteger)index;
@end

@interface NSDictionary : NSObject <NSFastEnumeration>
+ (instancetype)dictionary;
+ (instancetype)dictionaryWithObject:(id)object forKey:(id)key;
+ (instancetype)dictionaryWithObjectsAndKeys:(id)first, ... __attribute__((sentinel(0, 1)));
+ (instancetype)dictionaryWithDictionary:(NSDictionary *)other;
- (id)objectForKey:(id)key;
@end

@interface NSMutableDictionary : NSDictionary
- (void)setObject:(id)object forKey:(id)key;
@end

@interface NSLocale : NSObject
+ (NSArray *)preferredLanguages;
@end

@interface NSJSONSerialization : NSObject
+ (id)JSONObjectWithData:(NSData *)data options:(NSUInteger)options error:(NSError **)error;
+ (NSData *)dataWithJSONObject:(id)object options:(NSUInteger)options error:(NSError **)error;
@end

@interface NSNotification : NSObject
- (id)object;
@end

@interface NSNotificationCenter : NSObject
+ (NSNotificationCenter *)defaultCenter;
- (void)addObserver:(id)observer selector:(SEL)selector name:(NSString *)name object:(id)object;
- (void)removeObserver:(id)observer;
@end

@interface NSTimer : NSObject
+ (NSTimer *)scheduledTimerWithTimeInterval:(NSTimeInterval)seconds target:(id)target selector:(SEL)selector userInfo:(id)information repeats:(BOOL)again;
- (void)invalidate;
@end

extern NSString *const NSDefaultRunLoopMode;

#endif
