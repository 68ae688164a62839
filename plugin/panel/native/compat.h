/*
 * Where AppKit and GNUstep differ. Everything else in this folder is written
 * against what both have. Memory is counted by hand (no ARC, which GNUstep's
 * compiler does not have), and there are no blocks.
 */
#ifndef LATCHKEY_PANEL_COMPAT_H
#define LATCHKEY_PANEL_COMPAT_H

#import <AppKit/AppKit.h>

#ifdef __has_feature
#if __has_feature(objc_arc)
#error "build with -fno-objc-arc: references are counted by hand"
#endif
#endif

#ifdef GNUSTEP

/* The application is the host's: without one there is nothing to draw in. */
static inline NSApplication *panel_application(void) { return NSApp; }

/* A window manager gives the keyboard to windows with a frame only. */
#define PANEL_WINDOW_STYLE NSTitledWindowMask
#define PANEL_WINDOW_LEVEL NSNormalWindowLevel

/* For the tests' pictures, and nowhere else: there is no setting to ask. */
static inline BOOL panel_dark(void)
{
    NSString *wanted = [[[NSProcessInfo processInfo] environment] objectForKey:@"LATCHKEY_PANEL_APPEARANCE"];
    return [wanted isEqualToString:@"dark"];
}

static inline CGFloat panel_text_scale(void)
{
    NSString *wanted = [[[NSProcessInfo processInfo] environment] objectForKey:@"LATCHKEY_PANEL_SCALE"];
    return wanted ? [wanted doubleValue] : 1;
}

static inline void panel_announce(NSWindow *window, NSString *text)
{
    (void)window;
    (void)text;
}

/* There is no machine to restart: who started the host reads what was asked for. */
static inline BOOL panel_power(NSString *request)
{
    fprintf(stderr, "latchkey-panel: the person asks for: %s\n", [request UTF8String]);
    return YES;
}

#else

#import <ApplicationServices/ApplicationServices.h>

static inline NSApplication *panel_application(void) { return [NSApplication sharedApplication]; }

#define PANEL_WINDOW_STYLE NSBorderlessWindowMask
/* As high as a screen saver: the login window's own stand below it. */
#define PANEL_WINDOW_LEVEL NSScreenSaverWindowLevel

static inline BOOL panel_dark(void)
{
    if (![NSApp respondsToSelector:@selector(effectiveAppearance)])
        return NO;
    return [[[NSApp effectiveAppearance] name] rangeOfString:@"Dark"].location != NSNotFound;
}

/* How much larger than usual the person has text. */
static inline CGFloat panel_text_scale(void)
{
    if (![NSFont respondsToSelector:@selector(preferredFontForTextStyle:options:)])
        return 1;
    NSFont *body = [NSFont preferredFontForTextStyle:@"UICTFontTextStyleBody" options:[NSDictionary dictionary]];
    return body ? [body pointSize] / 13 : 1;
}

/* Has VoiceOver say what nobody would look for. */
static inline void panel_announce(NSWindow *window, NSString *text)
{
    NSDictionary *information = [NSDictionary dictionaryWithObjectsAndKeys:text, NSAccessibilityAnnouncementKey,
        [NSNumber numberWithInt:NSAccessibilityPriorityHigh], NSAccessibilityPriorityKey, nil];
    NSAccessibilityPostNotificationWithUserInfo(window, NSAccessibilityAnnouncementRequestedNotification, information);
}

/* Asks loginwindow, as the Apple menu does. Without waiting for an answer. */
static inline BOOL panel_power(NSString *request)
{
    ProcessSerialNumber loginwindow = {0, kSystemProcess};
    AEEventID what = [request isEqualToString:@"restart"] ? kAERestart : [request isEqualToString:@"sleep"] ? kAESleep : kAEShutDown;
    AEAddressDesc target = {typeNull, NULL};
    AppleEvent event = {typeNull, NULL}, reply = {typeNull, NULL};
    if (AECreateDesc(typeProcessSerialNumber, &loginwindow, sizeof loginwindow, &target) != noErr)
        return NO;
    OSStatus status = AECreateAppleEvent(kCoreEventClass, what, &target, kAutoGenerateReturnID, kAnyTransactionID, &event);
    AEDisposeDesc(&target);
    if (status != noErr)
        return NO;
    status = AESendMessage(&event, &reply, kAENoReply, kAEDefaultTimeout);
    AEDisposeDesc(&event);
    return status == noErr;
}

#endif

#endif
