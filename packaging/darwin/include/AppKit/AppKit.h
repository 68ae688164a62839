/*
 * The part of AppKit that the panel uses, declared from its public documentation
 * (see ../Foundation/Foundation.h). Values are those of macOS: a wrong one here
 * compiles, and shows on a Mac only.
 */
#ifndef LATCHKEY_STANDIN_APPKIT_H
#define LATCHKEY_STANDIN_APPKIT_H

#include <ApplicationServices/ApplicationServices.h>
#include <Foundation/Foundation.h>

@class NSWindow, NSScreen, NSView, NSText, NSFont, NSColor, NSEvent, NSAppearance;

extern NSString *const NSModalPanelRunLoopMode;
extern NSString *const NSEventTrackingRunLoopMode;
extern NSString *const NSApplicationDidChangeScreenParametersNotification;
extern NSString *const NSWindowDidExposeNotification;
extern NSString *const NSWindowDidResizeNotification;
extern NSString *const NSFontAttributeName;
extern NSString *const NSForegroundColorAttributeName;
extern NSString *const NSParagraphStyleAttributeName;
extern NSString *const NSAccessibilityAnnouncementKey;
extern NSString *const NSAccessibilityPriorityKey;
extern NSString *const NSAccessibilityAnnouncementRequestedNotification;
enum { NSAccessibilityPriorityHigh = 90 };
void NSAccessibilityPostNotificationWithUserInfo(id element, NSString *notification, NSDictionary *information);
void NSRectFill(NSRect);

enum { NSBorderlessWindowMask = 0 };
enum { NSBackingStoreBuffered = 2 };
enum { NSScreenSaverWindowLevel = 1000 }; /* kCGScreenSaverWindowLevel */
enum { NSWindowCollectionBehaviorCanJoinAllSpaces = 1 << 0 };
enum { NSFocusRingTypeNone = 1 };
enum { NSOffState = 0, NSOnState = 1 };
typedef NSUInteger NSButtonType;
enum { NSMomentaryLightButton = 0, NSRadioButton = 4 };
enum { NSStringDrawingUsesLineFragmentOrigin = 1 << 0 };

/* Macs with Apple's processors have the numbers of iOS. */
typedef NSInteger NSTextAlignment;
enum {
    NSLeftTextAlignment = 0,
#if defined(__x86_64__)
    NSCenterTextAlignment = 2,
#else
    NSCenterTextAlignment = 1,
#endif
};

typedef NSUInteger NSEventType;
enum { NSKeyDown = 10, NSFlagsChanged = 12 };
enum { NSAlphaShiftKeyMask = 1 << 16, NSShiftKeyMask = 1 << 17, NSCommandKeyMask = 1 << 20 };
enum {
    NSEnterCharacter = 0x0003,
    NSBackTabCharacter = 0x0019,
    NSUpArrowFunctionKey = 0xf700,
    NSDownArrowFunctionKey = 0xf701,
    NSF1FunctionKey = 0xf704,
};

@interface NSAppearance : NSObject
- (NSString *)name;
@end

@interface NSResponder : NSObject
- (BOOL)acceptsFirstResponder;
- (BOOL)becomeFirstResponder;
- (BOOL)resignFirstResponder;
- (void)scrollWheel:(NSEvent *)event;
@end

@interface NSApplication : NSResponder
+ (NSApplication *)sharedApplication;
- (NSAppearance *)effectiveAppearance;
- (void)activateIgnoringOtherApps:(BOOL)others;
@end
extern NSApplication *NSApp;

@interface NSScreen : NSObject
+ (NSArray *)screens;
+ (NSScreen *)mainScreen;
- (NSRect)frame;
- (NSRect)visibleFrame;
@end

@interface NSEvent : NSObject
+ (NSPoint)mouseLocation;
+ (NSUInteger)modifierFlags;
- (NSEventType)type;
- (NSUInteger)modifierFlags;
- (NSString *)charactersIgnoringModifiers;
- (CGFloat)deltaY;
@end

@interface NSColor : NSObject
+ (NSColor *)whiteColor;
+ (NSColor *)blackColor;
+ (NSColor *)colorWithCalibratedRed:(CGFloat)red green:(CGFloat)green blue:(CGFloat)blue alpha:(CGFloat)alpha;
- (NSColor *)colorWithAlphaComponent:(CGFloat)alpha;
- (void)set;
@end

@interface NSFont : NSObject
+ (NSFont *)systemFontOfSize:(CGFloat)points;
+ (NSFont *)boldSystemFontOfSize:(CGFloat)points;
+ (NSFont *)userFixedPitchFontOfSize:(CGFloat)points;
+ (NSFont *)preferredFontForTextStyle:(NSString *)style options:(NSDictionary *)options;
- (CGFloat)pointSize;
@end

@interface NSParagraphStyle : NSObject
@end

@interface NSMutableParagraphStyle : NSParagraphStyle
- (void)setAlignment:(NSTextAlignment)alignment;
@end

@interface NSString (LatchkeyStandInDrawing)
- (NSRect)boundingRectWithSize:(NSSize)size options:(NSInteger)options attributes:(NSDictionary *)attributes;
- (void)drawInRect:(NSRect)rect withAttributes:(NSDictionary *)attributes;
@end

@interface NSBezierPath : NSObject
+ (NSBezierPath *)bezierPath;
+ (NSBezierPath *)bezierPathWithOvalInRect:(NSRect)rect;
+ (NSBezierPath *)bezierPathWithRoundedRect:(NSRect)rect xRadius:(CGFloat)x yRadius:(CGFloat)y;
- (void)moveToPoint:(NSPoint)point;
- (void)lineToPoint:(NSPoint)point;
- (void)closePath;
- (void)setLineWidth:(CGFloat)width;
- (void)fill;
- (void)stroke;
@end

@interface NSView : NSResponder
- (instancetype)initWithFrame:(NSRect)frame;
- (NSRect)frame;
- (NSRect)bounds;
- (void)setFrame:(NSRect)frame;
- (void)setFrameSize:(NSSize)size;
- (void)setFrameOrigin:(NSPoint)origin;
- (void)setHidden:(BOOL)hidden;
- (void)addSubview:(NSView *)view;
- (void)removeFromSuperview;
- (void)setNeedsDisplay:(BOOL)needed;
- (NSWindow *)window;
- (BOOL)isFlipped;
- (BOOL)isOpaque;
- (BOOL)canBecomeKeyView;
- (BOOL)acceptsFirstMouse:(NSEvent *)event;
- (void)drawRect:(NSRect)dirty;
- (NSRect)convertRect:(NSRect)rect toView:(NSView *)view;
@end

@interface NSCell : NSObject
- (void)setWraps:(BOOL)wraps;
- (void)setScrollable:(BOOL)scrollable;
- (BOOL)isHighlighted;
@end

@interface NSControl : NSView
- (id)cell;
- (NSFont *)font;
- (void)setFont:(NSFont *)font;
- (BOOL)isEnabled;
- (void)setEnabled:(BOOL)enabled;
- (void)setTarget:(id)target;
- (void)setAction:(SEL)action;
- (NSString *)stringValue;
- (void)setStringValue:(NSString *)text;
- (void)setAlignment:(NSTextAlignment)alignment;
- (NSText *)currentEditor;
- (void)performClick:(id)sender;
@end

@interface NSButton : NSControl
- (void)setButtonType:(NSButtonType)type;
- (NSString *)title;
- (void)setTitle:(NSString *)title;
- (NSInteger)state;
- (void)setState:(NSInteger)state;
- (void)setBordered:(BOOL)bordered;
@end

@interface NSTextField : NSControl
- (void)setTextColor:(NSColor *)colour;
- (void)setBackgroundColor:(NSColor *)colour;
- (void)setDrawsBackground:(BOOL)draws;
- (void)setEditable:(BOOL)editable;
- (void)setSelectable:(BOOL)selectable;
- (void)setBordered:(BOOL)bordered;
- (void)setBezeled:(BOOL)bezeled;
- (void)setFocusRingType:(NSUInteger)type;
- (void)setDelegate:(id)delegate;
@end

@interface NSSecureTextField : NSTextField
@end

@interface NSText : NSView
- (NSString *)string;
- (void)setString:(NSString *)text;
- (NSRange)selectedRange;
- (void)setSelectedRange:(NSRange)range;
- (id)delegate;
- (void)setDelegate:(id)delegate;
- (BOOL)isFieldEditor;
@end

@interface NSTextView : NSText
- (BOOL)hasMarkedText;
- (void)setInsertionPointColor:(NSColor *)colour;
@end

/* Asked for by name where the panel uses it; its selectors have to be known. */
@interface NSTextInputContext : NSObject
+ (NSTextInputContext *)currentInputContext;
+ (NSString *)localizedNameForInputSource:(NSString *)identifier;
- (NSString *)selectedKeyboardInputSource;
@end

@interface NSWindow : NSResponder
- (instancetype)initWithContentRect:(NSRect)rect styleMask:(NSUInteger)style backing:(NSUInteger)backing defer:(BOOL)defer;
- (void)setReleasedWhenClosed:(BOOL)released;
- (void)setLevel:(NSInteger)level;
- (void)setHidesOnDeactivate:(BOOL)hides;
- (void)setTitle:(NSString *)title;
- (void)setHasShadow:(BOOL)shadow;
- (void)setCanBecomeVisibleWithoutLogin:(BOOL)visible;
- (void)setCollectionBehavior:(NSUInteger)behaviour;
- (NSRect)frameRectForContentRect:(NSRect)rect;
- (void)setFrame:(NSRect)frame display:(BOOL)display;
- (void)setContentView:(NSView *)view;
- (NSResponder *)firstResponder;
- (BOOL)makeFirstResponder:(NSResponder *)responder;
- (void)endEditingFor:(id)object;
- (NSText *)fieldEditor:(BOOL)create forObject:(id)object;
- (void)sendEvent:(NSEvent *)event;
- (BOOL)isKeyWindow;
- (void)makeKeyAndOrderFront:(id)sender;
- (void)orderFrontRegardless;
- (void)orderOut:(id)sender;
- (void)close;
- (void)display;
@end

#endif
