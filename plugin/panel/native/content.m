//go:build cgo && (darwin || gnustep)

#include "content.h"

/* RING is what a button keeps free around itself for the focus. */
enum { MARGIN = 36, GAP = 14, RING = 3 };

@implementation LatchkeyContent

/* ---- putting things below each other ---- */

- (void)add:(NSView *)piece at:(CGFloat)x gap:(CGFloat)gap
{
    NSSize size = [piece frame].size;
    top += [palette length:gap];
    [piece setFrame:NSMakeRect(x, top, size.width, size.height)];
    [ground addSubview:piece];
    top += size.height;
}

- (void)add:(NSView *)piece gap:(CGFloat)gap
{
    [self add:piece at:[palette length:MARGIN] gap:gap];
}

- (NSTextField *)addText:(NSString *)text size:(CGFloat)size bold:(BOOL)bold ink:(enum ink)ink gap:(CGFloat)gap
{
    NSTextField *label = latchkey_text(text, [palette letters:size bold:bold], [palette ink:ink], width);
    [self add:label gap:gap];
    return label;
}

/* Pieces in rows, each row as full as it gets, and filled by its buttons. */
- (void)addRows:(NSArray *)pieces
{
    NSUInteger from = 0, all = [pieces count];
    CGFloat between = [palette length:4], room = width + 2 * RING;
    while (from < all) {
        NSUInteger to = from;
        CGFloat used = 0;
        while (to < all) {
            CGFloat wanted = [[pieces objectAtIndex:to] widthWanted] + (to > from ? between : 0);
            if (to > from && used + wanted > room)
                break;
            used += wanted;
            to++;
        }
        CGFloat spare = used < room ? (room - used) / (to - from) : 0, x = [palette length:MARGIN] - RING, height = 0;
        for (NSUInteger n = from; n < to; n++) {
            LatchkeyButton *b = [pieces objectAtIndex:n];
            CGFloat wide = [b widthWanted] + spare;
            if (wide > room)
                wide = room;
            CGFloat high = [b heightWantedAt:wide];
            [b setFrame:NSMakeRect(x, top + [palette length:4], wide, high)];
            [ground addSubview:b];
            x += wide + between;
            height = high > height ? high : height;
        }
        top += [palette length:4] + height;
        from = to;
    }
}

/* ---- the parts of a view ---- */

- (void)addHead
{
    LatchkeySign *sign = [[[LatchkeySign alloc] initPalette:palette] autorelease];
    [sign setFrame:NSMakeRect(0, 0, [palette length:34], [palette length:34])];
    [self add:sign gap:30];
    latchkey_spoken([self addText:text_in(view, @"title") size:21 bold:YES ink:INK_TEXT gap:GAP], nil, nil);
    if ([text_in(view, @"text") length])
        [self addText:text_in(view, @"text") size:14 bold:NO ink:INK_TEXT gap:8];
}

- (void)addNote
{
    NSDictionary *note = [view objectForKey:@"note"];
    if (![note isKindOfClass:[NSDictionary class]])
        return;
    BOOL error = [[note objectForKey:@"error"] boolValue];
    CGFloat edge = [palette length:12];
    /* A sign, as nothing is told by colour alone. */
    NSString *text = error ? [NSString stringWithFormat:@"%C  %@", (unichar)0x26a0, text_in(note, @"text")] : text_in(note, @"text");
    NSTextField *words = latchkey_text(text, [palette letters:13 bold:NO], [palette ink:error ? INK_ERROR : INK_INFO], width - 2 * edge);
    LatchkeyFrame *box = [[[LatchkeyFrame alloc] initGround:error ? INK_ERROR_BOX : INK_INFO_BOX border:error ? INK_ERROR : INK_INFO palette:palette] autorelease];
    latchkey_spoken(words, text_in(note, @"spoken"), nil);
    [words setFrameOrigin:NSMakePoint(edge, [palette length:9])];
    [box setFrame:NSMakeRect(0, 0, width, [words frame].size.height + 2 * [palette length:9])];
    [box addSubview:words];
    [self add:box gap:GAP];
}

- (void)addNumber
{
    NSString *number = text_in(view, @"number");
    if (![number length])
        return;
    LatchkeyFrame *box = [[[LatchkeyFrame alloc] initGround:INK_BOX border:INK_LINE palette:palette] autorelease];
    NSTextField *figures = latchkey_text(number, [palette figures:52], [palette ink:INK_TEXT], width - 8);
    [figures setAlignment:NSCenterTextAlignment];
    [figures setFrameOrigin:NSMakePoint(4, [palette length:10])];
    latchkey_spoken(figures, text_in(view, @"numberSpoken"), nil);
    [box setFrame:NSMakeRect(0, 0, width, [figures frame].size.height + 2 * [palette length:10])];
    [box addSubview:figures];
    [self add:box gap:GAP];
}

- (void)addSquares
{
    NSArray *rows = list_in(view, @"qr");
    if (![rows count])
        return;
    /* Whole points for each module: a phone has to tell them apart. */
    NSUInteger module = (NSUInteger)([palette length:230] / [rows count]);
    CGFloat side = (module < 3 ? 3 : module) * [rows count];
    LatchkeySquares *squares = [[[LatchkeySquares alloc] initRows:rows] autorelease];
    [squares setFrame:NSMakeRect(0, 0, side, side)];
    latchkey_spoken(squares, text_in(view, @"qrSpoken"), nil);
    [self add:squares at:[palette length:MARGIN] + (width - side) / 2 gap:GAP];
}

- (void)addFacts
{
    NSArray *facts = list_in(view, @"facts");
    CGFloat first = 0, gap = GAP;
    for (NSDictionary *fact in facts) {
        CGFloat wide = latchkey_extent(text_in(fact, @"label"), [palette letters:13 bold:NO], 10000).width + 8;
        first = wide > first ? wide : first;
    }
    if (first > width * 0.45)
        first = width * 0.45;
    for (NSDictionary *fact in facts) {
        CGFloat rest = width - first - [palette length:12];
        NSTextField *label = latchkey_text(text_in(fact, @"label"), [palette letters:13 bold:NO], [palette ink:INK_QUIET], first);
        NSTextField *value = latchkey_text(text_in(fact, @"value"), [palette letters:14 bold:YES], [palette ink:INK_TEXT], rest);
        latchkey_spoken(value, text_in(fact, @"spoken"), nil);
        [self add:label gap:gap];
        top -= [label frame].size.height;
        [self add:value at:[palette length:MARGIN] + first + [palette length:12] gap:0];
        CGFloat below = [label frame].origin.y + [label frame].size.height;
        top = top > below ? top : below;
        gap = 4;
    }
}

- (void)addChoices
{
    CGFloat gap = GAP;
    for (NSDictionary *choice in list_in(view, @"choices")) {
        LatchkeyButton *b = [[[LatchkeyButton alloc] initLook:LOOK_CHOICE name:[@"choice " stringByAppendingString:text_in(choice, @"id")]
                                                        label:text_in(choice, @"label") palette:palette] autorelease];
        BOOL enabled = [[choice objectForKey:@"enabled"] boolValue];
        if ([text_in(choice, @"reason") length])
            [b setDetail:text_in(choice, @"reason")];
        [b setEnabled:enabled];
        [b setState:[[choice objectForKey:@"chosen"] boolValue] ? NSOnState : NSOffState];
        [b setTarget:target];
        [b setAction:@selector(chosen:)];
        [b setFrame:NSMakeRect(0, 0, width + 2 * RING, [b heightWantedAt:width + 2 * RING])];
        [choices addObject:b];
        [self add:b at:[palette length:MARGIN] - RING gap:gap];
        gap = 2;
    }
}

- (void)addFieldsWithHint:(NSString *)hint
{
    BOOL letters = NO;
    for (NSDictionary *field in list_in(view, @"fields")) {
        LatchkeyEntry *entry = [[[LatchkeyEntry alloc] initWith:field palette:palette] autorelease];
        [self addText:text_in(field, @"label") size:13 bold:NO ink:INK_QUIET gap:GAP];
        [self add:[entry placedWithin:width palette:palette] gap:4];
        [[entry field] setDelegate:target];
        [entries addObject:entry];
        letters = letters || [entry takesLetters];
    }
    if (letters && [hint length])
        [self addText:hint size:12 bold:NO ink:INK_INFO gap:5];
    if ([text_in(view, @"remark") length])
        [self addText:text_in(view, @"remark") size:13 bold:YES ink:INK_ERROR gap:6];
}

- (void)addBusy
{
    if (![[view objectForKey:@"busy"] boolValue])
        return;
    dots = [[LatchkeyDots alloc] initPalette:palette];
    [dots setFrame:NSMakeRect(0, 0, [palette length:34], [palette length:20])];
    [self add:dots gap:GAP];
    CGFloat x = [palette length:MARGIN + 42];
    NSTextField *words = latchkey_text(text_in(view, @"busyText"), [palette letters:13 bold:NO], [palette ink:INK_QUIET], width - [palette length:42]);
    [words setFrameOrigin:NSMakePoint(x, top - [dots frame].size.height + ([dots frame].size.height - [words frame].size.height) / 2)];
    [ground addSubview:words];
}

- (LatchkeyButton *)buttonLook:(enum button_look)look name:(NSString *)name label:(NSString *)label action:(SEL)action
{
    LatchkeyButton *b = [[[LatchkeyButton alloc] initLook:look name:name label:label palette:palette] autorelease];
    [b setTarget:target];
    [b setAction:action];
    return b;
}

- (void)addButtons
{
    NSMutableArray *others = [NSMutableArray array];
    top += [palette length:GAP];
    for (NSDictionary *action in list_in(view, @"actions")) {
        BOOL first = [text_in(action, @"role") isEqualToString:@"default"];
        LatchkeyButton *b = [self buttonLook:first ? LOOK_DEFAULT : LOOK_PLAIN name:[@"action " stringByAppendingString:text_in(action, @"id")]
                                       label:text_in(action, @"label") action:@selector(pressed:)];
        [buttons addObject:b];
        if (first)
            [self addRows:[NSArray arrayWithObject:b]];
        else
            [others addObject:b];
    }
    [self addRows:others];
}

/* The strip: what is left of the time, and what is done with the machine. */
- (void)addStrip
{
    NSDictionary *words = [view objectForKey:@"words"];
    LatchkeyFrame *line = [[[LatchkeyFrame alloc] initGround:INK_LINE border:INK_LINE palette:palette] autorelease];
    [line setFrame:NSMakeRect(0, 0, width, 1)];
    [self add:line gap:22];
    for (NSString *what in [NSArray arrayWithObjects:@"sleep", @"restart", @"shutdown", nil])
        [power addObject:[self buttonLook:LOOK_LINK name:what label:text_in(words, what) action:@selector(powered:)]];
    CGFloat right = [palette length:MARGIN] + width, height = 0, used = 0;
    top += [palette length:8];
    for (LatchkeyButton *b in power)
        used += [b widthWanted];
    CGFloat x = used > width ? [palette length:MARGIN] : right - used;
    for (LatchkeyButton *b in power) {
        if (x > [palette length:MARGIN] && x + [b widthWanted] > right + 1) {
            x = [palette length:MARGIN];
            top += height;
        }
        height = [b heightWantedAt:[b widthWanted]];
        [b setFrame:NSMakeRect(x, top, [b widthWanted], height)];
        [ground addSubview:b];
        x += [b widthWanted];
    }
    CGFloat left = width - used;
    BOOL beside = left > latchkey_extent(text_in(view, @"count"), [palette letters:12 bold:NO], 10000).width + 20;
    if (!beside) {
        top += height;
        left = width;
    }
    count = [latchkey_text(@"0", [palette letters:12 bold:NO], [palette ink:INK_QUIET], left) retain];
    [count setFrameOrigin:NSMakePoint([palette length:MARGIN], top + (beside ? (height - [count frame].size.height) / 2 : 0))];
    [count setStringValue:text_in(view, @"count")];
    [ground addSubview:count];
    top += beside ? height : [count frame].size.height;
    top += [palette length:10];
}

- (id)initWith:(NSDictionary *)description palette:(LatchkeyPalette *)colours width:(CGFloat)outer hint:(NSString *)hint target:(id)receiver
{
    if (!(self = [super init]))
        return nil;
    view = [description retain];
    palette = [colours retain];
    target = receiver;
    width = outer - 2 * [palette length:MARGIN];
    ground = [[LatchkeyGround alloc] initWithFrame:NSMakeRect(0, 0, outer, 100)];
    [ground setPalette:palette];
    entries = [[NSMutableArray alloc] init];
    choices = [[NSMutableArray alloc] init];
    buttons = [[NSMutableArray alloc] init];
    power = [[NSMutableArray alloc] init];
    [self addHead];
    [self addNote];
    [self addNumber];
    [self addSquares];
    [self addFacts];
    [self addChoices];
    [self addFieldsWithHint:hint];
    [self addBusy];
    [self addButtons];
    [self addStrip];
    [ground setFrameSize:NSMakeSize(outer, top)];
    return self;
}

- (void)end
{
    for (LatchkeyEntry *entry in entries)
        [entry setValue:@""];
    [dots stop];
    [ground removeFromSuperview];
}

- (void)dealloc
{
    [view release];
    [palette release];
    [ground release];
    [entries release];
    [choices release];
    [buttons release];
    [power release];
    [count release];
    [dots release];
    [super dealloc];
}

- (NSView *)ground { return ground; }
- (LatchkeyPalette *)palette { return palette; }
- (NSArray *)entries { return entries; }
- (NSArray *)choices { return choices; }
- (NSArray *)buttons { return buttons; }
- (void)setCount:(NSString *)text { [count setStringValue:text]; }

@end
