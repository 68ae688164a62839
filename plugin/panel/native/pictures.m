//go:build cgo && (darwin || gnustep)

#include "controls.h"

@implementation LatchkeySquares

- (id)initRows:(NSArray *)lines
{
    if ((self = [super initWithFrame:NSZeroRect]))
        rows = [lines retain];
    return self;
}

- (void)dealloc
{
    [rows release];
    [super dealloc];
}

- (BOOL)isFlipped { return YES; }

/* Black on white in every appearance: that is what phones read. */
- (void)drawRect:(NSRect)dirty
{
    (void)dirty;
    [[NSColor whiteColor] set];
    NSRectFill([self bounds]);
    [[NSColor blackColor] set];
    NSUInteger count = [rows count];
    if (count == 0)
        return;
    CGFloat side = [self bounds].size.width / count;
    for (NSUInteger y = 0; y < count; y++) {
        NSString *line = [rows objectAtIndex:y];
        for (NSUInteger x = 0; x < [line length]; x++)
            if ([line characterAtIndex:x] == '1')
                NSRectFill(NSMakeRect(x * side, y * side, side, side));
    }
}

@end

@implementation LatchkeyDots

- (id)initPalette:(LatchkeyPalette *)colours
{
    if ((self = [super initWithFrame:NSZeroRect])) {
        palette = [colours retain];
        timer = [NSTimer scheduledTimerWithTimeInterval:0.4 target:self selector:@selector(move:) userInfo:nil repeats:YES];
    }
    return self;
}

- (void)dealloc
{
    [palette release];
    [super dealloc];
}

- (void)stop
{
    [timer invalidate];
    timer = nil;
}

- (void)move:(NSTimer *)sender
{
    (void)sender;
    step = (step + 1) % 3;
    [self setNeedsDisplay:YES];
}

- (void)drawRect:(NSRect)dirty
{
    (void)dirty;
    CGFloat size = [palette length:7], y = ([self bounds].size.height - size) / 2;
    for (int n = 0; n < 3; n++) {
        [[palette ink:n == step ? INK_ACCENT : INK_LINE] set];
        [[NSBezierPath bezierPathWithOvalInRect:NSMakeRect(n * size * 1.6, y, size, size)] fill];
    }
}

@end

@implementation LatchkeySign

- (id)initPalette:(LatchkeyPalette *)colours
{
    if ((self = [super initWithFrame:NSZeroRect]))
        palette = [colours retain];
    return self;
}

- (void)dealloc
{
    [palette release];
    [super dealloc];
}

/* A keyhole. */
- (void)drawRect:(NSRect)dirty
{
    (void)dirty;
    CGFloat size = [self bounds].size.width;
    [[palette ink:INK_ACCENT] set];
    [[NSBezierPath bezierPathWithRoundedRect:[self bounds] xRadius:size / 4 yRadius:size / 4] fill];
    [[palette ink:INK_ON_ACCENT] set];
    [[NSBezierPath bezierPathWithOvalInRect:NSMakeRect(size * 0.36, size * 0.46, size * 0.28, size * 0.28)] fill];
    NSBezierPath *stem = [NSBezierPath bezierPath];
    [stem moveToPoint:NSMakePoint(size * 0.47, size * 0.56)];
    [stem lineToPoint:NSMakePoint(size * 0.53, size * 0.56)];
    [stem lineToPoint:NSMakePoint(size * 0.60, size * 0.24)];
    [stem lineToPoint:NSMakePoint(size * 0.40, size * 0.24)];
    [stem closePath];
    [stem fill];
}

@end

@implementation LatchkeyGround

- (void)dealloc
{
    [palette release];
    [super dealloc];
}

- (void)setPalette:(LatchkeyPalette *)colours
{
    [palette autorelease];
    palette = [colours retain];
    [self setNeedsDisplay:YES];
}

- (BOOL)isFlipped { return YES; }
- (BOOL)isOpaque { return YES; }

- (void)drawRect:(NSRect)dirty
{
    [[palette ink:INK_GROUND] set];
    NSRectFill(dirty);
}

@end

@implementation LatchkeyPort

- (void)dealloc
{
    [palette release];
    [ground release];
    [bar release];
    [super dealloc];
}

- (BOOL)isFlipped { return YES; }

- (CGFloat)hidden
{
    CGFloat hidden = [ground frame].size.height - [self bounds].size.height;
    return hidden > 0 ? hidden : 0;
}

- (void)moveTo:(CGFloat)wanted
{
    offset = (CGFloat)(int)(wanted < 0 ? 0 : wanted > [self hidden] ? [self hidden] : wanted);
    [ground setFrameOrigin:NSMakePoint(0, -offset)];
    CGFloat all = [ground frame].size.height, seen = [self bounds].size.height, thick = [palette length:5];
    [bar setHidden:[self hidden] == 0];
    if ([self hidden] > 0)
        [bar setFrame:NSMakeRect([self bounds].size.width - thick - 3, offset / all * seen + 3, thick, seen / all * seen - 6)];
    [self setNeedsDisplay:YES];
}

- (void)show:(NSView *)content palette:(LatchkeyPalette *)colours
{
    [palette autorelease];
    palette = [colours retain];
    [ground removeFromSuperview];
    [ground autorelease];
    ground = [content retain];
    [bar removeFromSuperview];
    [bar autorelease];
    bar = [[LatchkeyFrame alloc] initGround:INK_QUIET border:INK_QUIET palette:palette];
    offset = 0;
    [self addSubview:ground];
    [self addSubview:bar];
    [self moveTo:0];
}

- (void)reveal:(NSView *)part margin:(CGFloat)margin
{
    NSRect place = [part convertRect:[part bounds] toView:ground];
    CGFloat seen = [self bounds].size.height;
    if (NSMaxY(place) + margin > offset + seen)
        [self moveTo:NSMaxY(place) + margin - seen];
    if (NSMinY(place) - margin < offset)
        [self moveTo:NSMinY(place) - margin];
}

- (void)scrollWheel:(NSEvent *)event
{
    [self moveTo:offset - [event deltaY] * 8];
}

- (void)settle { [self moveTo:offset]; }

@end
