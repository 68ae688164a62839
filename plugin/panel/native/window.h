/* The window, and the keys that are the same on every screen. */
#ifndef LATCHKEY_PANEL_WINDOW_H
#define LATCHKEY_PANEL_WINDOW_H

#include "compat.h"

@protocol LatchkeyKeys
- (void)keyReturn;
- (void)keyEscape;
- (void)keyContact;
- (void)keyTab:(int)by;
/* YES when the arrow moved a choice. */
- (BOOL)keyArrow:(int)by;
- (void)keyZoom:(int)by;
- (void)keyCapsLock:(BOOL)on;
/* Another part of the window may have the focus now. */
- (void)focusMayHaveMoved;
@end

@interface LatchkeyWindow : NSWindow
{
    id keys;
}
- (id)initKeys:(id)receiver;
/* Nothing is told any longer. */
- (void)forget;
/* Fits the window to what is in it, on the display where the person is. */
- (void)placeWithHeight:(CGFloat)height width:(CGFloat)width;
/* The display that the pointer is on. */
+ (NSScreen *)display;
@end

#endif
