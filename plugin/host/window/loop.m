/*
 * The main thread of a host that has windows: an application runs there, as in
 * SecurityAgent, and mechanisms are called from it. Requests are read on a
 * thread of their own.
 */
#import <AppKit/AppKit.h>

#include "../host.h"

@interface HostLoop : NSObject
{
    void (*serve)(void *, uint8_t *, size_t);
    void *state;
}
- (id)initServe:(void (*)(void *, uint8_t *, size_t))function state:(void *)data;
@end

@implementation HostLoop

- (id)initServe:(void (*)(void *, uint8_t *, size_t))function state:(void *)data
{
    if ((self = [super init])) {
        serve = function;
        state = data;
    }
    return self;
}

- (void)request:(NSData *)frame
{
    serve(state, (uint8_t *)[frame bytes], [frame length]);
}

- (void)stop:(id)nothing
{
    (void)nothing;
    [NSApp stop:self];
    /* The application looks at that when the next event has come. */
    [NSApp postEvent:[NSEvent otherEventWithType:NSApplicationDefined location:NSZeroPoint modifierFlags:0 timestamp:0
                                    windowNumber:0 context:nil subtype:0 data1:0 data2:0] atStart:NO];
}

- (void)read:(id)nothing
{
    (void)nothing;
    NSAutoreleasePool *outer = [[NSAutoreleasePool alloc] init];
    NSArray *modes = [NSArray arrayWithObjects:NSDefaultRunLoopMode, NSModalPanelRunLoopMode, NSEventTrackingRunLoopMode, nil];
    size_t size;
    uint8_t *bytes;
    while ((bytes = frame_receive(&size))) {
        NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
        [self performSelectorOnMainThread:@selector(request:) withObject:[NSData dataWithBytesNoCopy:bytes length:size]
                            waitUntilDone:YES modes:modes];
        [pool release];
    }
    [self performSelectorOnMainThread:@selector(stop:) withObject:nil waitUntilDone:NO modes:modes];
    [outer release];
}

@end

/* Without a display, as in the privileged host, there are no windows and no
 * application. */
static BOOL has_display(void)
{
    return [[[[NSProcessInfo processInfo] environment] objectForKey:@"DISPLAY"] length] > 0;
}

/* The letters that the pictures of the documentation are made with; no icon. */
static void set_defaults(void)
{
    [[NSUserDefaults standardUserDefaults] registerDefaults:[NSDictionary dictionaryWithObjectsAndKeys:
        @"DejaVuSans", @"NSFont", @"DejaVuSans-Bold", @"NSBoldFont", @"DejaVuSansMono", @"NSUserFixedPitchFont",
        @"YES", @"GSSuppressAppIcon", @"NO", @"GSDisplayVersionWarning", nil]];
}

void loop_run(void (*serve)(void *state, uint8_t *bytes, size_t size), void *state)
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    if (has_display()) {
        set_defaults();
        [NSApplication sharedApplication];
        HostLoop *loop = [[HostLoop alloc] initServe:serve state:state];
        [NSThread detachNewThreadSelector:@selector(read:) toTarget:loop withObject:nil];
        [NSApp run];
        [loop release];
    } else {
        size_t size;
        uint8_t *bytes;
        while ((bytes = frame_receive(&size))) {
            serve(state, bytes, size);
            free(bytes);
        }
    }
    [pool release];
}
