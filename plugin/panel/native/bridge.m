//go:build cgo && (darwin || gnustep)

#include "controller.h"

/* The functions that Go calls, from any of its threads. */

/* Also while a button is held down, and while another window is modal. */
static void on_main(id target, SEL what, id argument)
{
    NSArray *modes = [NSArray arrayWithObjects:NSDefaultRunLoopMode, NSModalPanelRunLoopMode, NSEventTrackingRunLoopMode, nil];
    [target performSelectorOnMainThread:what withObject:argument waitUntilDone:NO modes:modes];
}

struct panel *panel_open(uintptr_t owner)
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    LatchkeyPanel *panel = panel_application() ? [[LatchkeyPanel alloc] initOwner:owner] : nil;
    [pool release];
    return (struct panel *)panel;
}

void panel_draw(struct panel *panel, const char *json, size_t length)
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    on_main((id)panel, @selector(draw:), [NSData dataWithBytes:json length:length]);
    [pool release];
}

void panel_count(struct panel *panel, const char *text, size_t length)
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    NSString *line = [[[NSString alloc] initWithBytes:text length:length encoding:NSUTF8StringEncoding] autorelease];
    on_main((id)panel, @selector(count:), line ? line : @"");
    [pool release];
}

void panel_close(struct panel *panel)
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    on_main((id)panel, @selector(close:), nil);
    [pool release];
}

size_t panel_languages(char *text, size_t room)
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    size_t written = 0;
    for (NSString *language in [NSLocale preferredLanguages]) {
        const char *one = [language UTF8String];
        size_t length = strlen(one);
        if (written + length + 1 > room)
            break;
        memcpy(text + written, one, length);
        text[written + length] = '\n';
        written += length + 1;
    }
    [pool release];
    return written;
}
