//go:build cgo && (darwin || gnustep)

#include "controls.h"

NSSize latchkey_extent(NSString *text, NSFont *font, CGFloat width)
{
    NSDictionary *attributes = [NSDictionary dictionaryWithObject:font forKey:NSFontAttributeName];
    NSRect bounds = [text boundingRectWithSize:NSMakeSize(width, 100000) options:NSStringDrawingUsesLineFragmentOrigin attributes:attributes];
    return NSMakeSize((CGFloat)(int)(bounds.size.width + 1), (CGFloat)(int)(bounds.size.height + 1));
}

/* A text cell keeps this free at each side. */
enum { CELL_INSET = 2 };

NSTextField *latchkey_text(NSString *text, NSFont *font, NSColor *colour, CGFloat width)
{
    NSSize extent = latchkey_extent(text, font, width - 2 * CELL_INSET);
    NSTextField *field = [[NSTextField alloc] initWithFrame:NSMakeRect(0, 0, width, extent.height + 2)];
    [field setStringValue:text];
    [field setFont:font];
    [field setTextColor:colour];
    [field setEditable:NO];
    [field setSelectable:NO];
    [field setBordered:NO];
    [field setBezeled:NO];
    [field setDrawsBackground:NO];
    [[field cell] setWraps:YES];
    return [field autorelease];
}

/* AppKit has these since 10.10; GNUstep has not, and has no screen reader. */
void latchkey_spoken(id control, NSString *label, NSString *help)
{
    if (label && [control respondsToSelector:@selector(setAccessibilityLabel:)])
        [control performSelector:@selector(setAccessibilityLabel:) withObject:label];
    if (help && [control respondsToSelector:@selector(setAccessibilityHelp:)])
        [control performSelector:@selector(setAccessibilityHelp:) withObject:help];
}

static void fill(NSRect rect, CGFloat radius, NSColor *colour)
{
    [colour set];
    [[NSBezierPath bezierPathWithRoundedRect:rect xRadius:radius yRadius:radius] fill];
}

static void stroke(NSRect rect, CGFloat radius, CGFloat thickness, NSColor *colour)
{
    NSBezierPath *path = [NSBezierPath bezierPathWithRoundedRect:NSInsetRect(rect, thickness / 2, thickness / 2) xRadius:radius yRadius:radius];
    [path setLineWidth:thickness];
    [colour set];
    [path stroke];
}

@implementation LatchkeyButton

- (id)initLook:(enum button_look)which name:(NSString *)identity label:(NSString *)label palette:(LatchkeyPalette *)colours
{
    if ((self = [super initWithFrame:NSZeroRect])) {
        palette = [colours retain];
        look = which;
        name = [identity copy];
        [self setButtonType:which == LOOK_CHOICE ? NSRadioButton : NSMomentaryLightButton];
        [self setTitle:label];
        [self setFont:[palette letters:which == LOOK_LINK ? 12 : 14 bold:which == LOOK_DEFAULT]];
        [self setBordered:NO];
    }
    return self;
}

- (void)dealloc
{
    [palette release];
    [name release];
    [detail release];
    [super dealloc];
}

- (void)setDetail:(NSString *)text
{
    [detail autorelease];
    detail = [text copy];
    latchkey_spoken(self, nil, text);
}

- (NSString *)name { return name; }
- (enum button_look)look { return look; }
- (BOOL)isFlipped { return YES; }
- (BOOL)isOpaque { return NO; }
/* Everything is reached by Tab, whatever the person has set for other windows. */
- (BOOL)acceptsFirstResponder { return [self isEnabled]; }
- (BOOL)canBecomeKeyView { return [self isEnabled]; }
- (BOOL)acceptsFirstMouse:(NSEvent *)event { (void)event; return YES; }

- (BOOL)becomeFirstResponder
{
    [self setNeedsDisplay:YES];
    return YES;
}

- (BOOL)resignFirstResponder
{
    [self setNeedsDisplay:YES];
    return YES;
}

- (CGFloat)indent { return look == LOOK_CHOICE ? [palette length:40] : [palette length:look == LOOK_LINK ? 8 : 16]; }

- (CGFloat)widthWanted
{
    return latchkey_extent([self title], [self font], 10000).width + 2 * [self indent] + 2;
}

- (CGFloat)heightWantedAt:(CGFloat)width
{
    CGFloat inside = width - [self indent] - [palette length:16];
    CGFloat height = latchkey_extent([self title], [self font], inside).height;
    if (detail)
        height += [palette length:3] + latchkey_extent(detail, [palette letters:12 bold:NO], inside).height;
    return height + [palette length:look == LOOK_LINK ? 10 : 20];
}

- (NSColor *)letterColour
{
    if (look == LOOK_DEFAULT)
        return [palette ink:INK_ON_ACCENT];
    if (![self isEnabled])
        return [palette ink:INK_QUIET];
    return [palette ink:look == LOOK_LINK ? INK_QUIET : INK_TEXT];
}

- (void)drawMarkIn:(NSRect)bounds
{
    CGFloat size = [palette length:16];
    NSRect mark = NSMakeRect([palette length:14], (bounds.size.height - size) / 2, size, size);
    BOOL on = [self state] == NSOnState && [self isEnabled];
    stroke(mark, size / 2, on ? [palette length:5] : [palette length:1.5], [palette ink:on ? INK_ACCENT : INK_LINE]);
}

- (void)drawLettersIn:(NSRect)bounds
{
    NSMutableParagraphStyle *style = [[[NSMutableParagraphStyle alloc] init] autorelease];
    BOOL left = look == LOOK_CHOICE;
    [style setAlignment:left ? NSLeftTextAlignment : NSCenterTextAlignment];
    CGFloat inside = bounds.size.width - (left ? [self indent] + [palette length:16] : [palette length:8]);
    CGFloat x = left ? [self indent] : [palette length:4];
    NSSize title = latchkey_extent([self title], [self font], inside), more = NSZeroSize;
    if (detail)
        more = latchkey_extent(detail, [palette letters:12 bold:NO], inside);
    CGFloat y = (bounds.size.height - title.height - more.height) / 2;
    [[self title] drawInRect:NSMakeRect(x, y, inside, title.height + 2)
              withAttributes:[NSDictionary dictionaryWithObjectsAndKeys:[self font], NSFontAttributeName,
                                 [self letterColour], NSForegroundColorAttributeName, style, NSParagraphStyleAttributeName, nil]];
    [detail drawInRect:NSMakeRect(x, y + title.height + [palette length:2], inside, more.height + 2)
        withAttributes:[NSDictionary dictionaryWithObjectsAndKeys:[palette letters:12 bold:NO], NSFontAttributeName,
                           [palette ink:INK_QUIET], NSForegroundColorAttributeName, style, NSParagraphStyleAttributeName, nil]];
}

- (void)drawRect:(NSRect)dirty
{
    (void)dirty;
    NSRect bounds = [self bounds], body = NSInsetRect(bounds, 3, 3); /* RING */
    CGFloat radius = [palette length:7];
    BOOL focused = [[self window] firstResponder] == self;
    if (look == LOOK_DEFAULT)
        fill(body, radius, [palette ink:INK_ACCENT]);
    else if (look != LOOK_LINK && [self isEnabled])
        fill(body, radius, [palette ink:INK_BOX]);
    if (look == LOOK_PLAIN || look == LOOK_CHOICE)
        stroke(body, radius, 1, [palette ink:look == LOOK_CHOICE && [self state] == NSOnState && [self isEnabled] ? INK_ACCENT : INK_LINE]);
    if ([[self cell] isHighlighted])
        fill(body, radius, [[palette ink:INK_TEXT] colorWithAlphaComponent:0.15]);
    if (focused)
        stroke(look == LOOK_DEFAULT ? bounds : body, radius + 2, 2, [palette ink:look == LOOK_DEFAULT ? INK_TEXT : INK_ACCENT]);
    if (look == LOOK_CHOICE)
        [self drawMarkIn:bounds];
    [self drawLettersIn:bounds];
}

@end

@implementation LatchkeyFrame

- (id)initGround:(enum ink)inside border:(enum ink)outside palette:(LatchkeyPalette *)colours
{
    if ((self = [super initWithFrame:NSZeroRect])) {
        palette = [colours retain];
        ground = inside;
        border = outside;
        thickness = 1;
    }
    return self;
}

- (void)dealloc
{
    [palette release];
    [super dealloc];
}

- (BOOL)isFlipped { return YES; }

- (void)setBorder:(enum ink)outside thickness:(CGFloat)points
{
    border = outside;
    thickness = points;
    [self setNeedsDisplay:YES];
}

- (void)drawRect:(NSRect)dirty
{
    (void)dirty;
    CGFloat radius = [palette length:7];
    fill([self bounds], radius, [palette ink:ground]);
    stroke([self bounds], radius, thickness, [palette ink:border]);
}

@end
