//go:build cgo && (darwin || gnustep)

#include "window.h"

@implementation LatchkeyWindow

- (id)initKeys:(id)receiver
{
    self = [super initWithContentRect:NSMakeRect(0, 0, 100, 100) styleMask:PANEL_WINDOW_STYLE backing:NSBackingStoreBuffered defer:NO];
    if (!self)
        return nil;
    keys = receiver;
    [self setReleasedWhenClosed:NO];
    [self setLevel:PANEL_WINDOW_LEVEL];
    [self setHidesOnDeactivate:NO];
    [self setTitle:@"Latchkey"];
    [self setHasShadow:YES];
    /* Without these a window is not seen before somebody has logged in. */
    if ([self respondsToSelector:@selector(setCanBecomeVisibleWithoutLogin:)])
        [self setValue:[NSNumber numberWithBool:YES] forKey:@"canBecomeVisibleWithoutLogin"];
    if ([self respondsToSelector:@selector(setCollectionBehavior:)])
        [self setCollectionBehavior:NSWindowCollectionBehaviorCanJoinAllSpaces];
    return self;
}

- (void)forget { keys = nil; }
- (BOOL)canBecomeKeyWindow { return YES; }
- (BOOL)canBecomeMainWindow { return YES; }

+ (NSScreen *)display
{
    NSPoint pointer = [NSEvent mouseLocation];
    for (NSScreen *screen in [NSScreen screens])
        if (NSPointInRect(pointer, [screen frame]))
            return screen;
    return [NSScreen mainScreen];
}

- (void)placeWithHeight:(CGFloat)height width:(CGFloat)width
{
    NSRect room = [[LatchkeyWindow display] visibleFrame];
    NSRect frame = [self frameRectForContentRect:NSMakeRect(0, 0, width, height)];
    if (frame.size.height > room.size.height)
        frame.size.height = room.size.height;
    if (frame.size.width > room.size.width)
        frame.size.width = room.size.width;
    /* A little above the middle, where the eye looks first. */
    frame.origin.x = (CGFloat)(int)(NSMinX(room) + (room.size.width - frame.size.width) / 2);
    frame.origin.y = (CGFloat)(int)(NSMinY(room) + (room.size.height - frame.size.height) * 0.55);
    [self setFrame:frame display:NO];
}

/* ---- keys ---- */

/* An input method takes Return, Escape and the arrows before we do. */
- (BOOL)composing
{
    id editor = [self firstResponder];
    return [editor isKindOfClass:[NSTextView class]] && [editor hasMarkedText];
}

- (BOOL)typing
{
    return [[self firstResponder] isKindOfClass:[NSText class]];
}

- (BOOL)takeCommand:(unichar)key
{
    switch (key) {
    case '+': case '=': [keys keyZoom:1]; return YES;
    case '-': [keys keyZoom:-1]; return YES;
    case '0': [keys keyZoom:0]; return YES;
    }
    return NO;
}

- (BOOL)takeKey:(unichar)key shift:(BOOL)shift
{
    switch (key) {
    case '\r': case '\n': case NSEnterCharacter: [keys keyReturn]; return YES;
    case 0x1b: [keys keyEscape]; return YES;
    case '\t': [keys keyTab:shift ? -1 : 1]; return YES;
    case NSBackTabCharacter: [keys keyTab:-1]; return YES;
    case NSF1FunctionKey: [keys keyContact]; return YES;
    case NSUpArrowFunctionKey: return [keys keyArrow:-1];
    case NSDownArrowFunctionKey: return [keys keyArrow:1];
    }
    return NO;
}

- (BOOL)take:(NSEvent *)event
{
    NSString *characters = [event charactersIgnoringModifiers];
    if ([characters length] == 0 || [self composing])
        return NO;
    unichar key = [characters characterAtIndex:0];
    NSUInteger flags = [event modifierFlags];
    if (flags & NSCommandKeyMask)
        return [self takeCommand:key];
    return [self takeKey:key shift:(flags & NSShiftKeyMask) != 0];
}

- (void)sendEvent:(NSEvent *)event
{
    NSEventType type = [event type];
    id receiver = [keys retain]; /* a key may close the panel */
    if (type == NSFlagsChanged || type == NSKeyDown)
        [receiver keyCapsLock:([event modifierFlags] & NSAlphaShiftKeyMask) != 0];
    if (type != NSKeyDown || ![self take:event])
        [super sendEvent:event];
    [keys focusMayHaveMoved];
    [receiver release];
}

@end
