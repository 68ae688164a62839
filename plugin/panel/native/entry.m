//go:build cgo && (darwin || gnustep)

#include "entry.h"

@implementation LatchkeyEntry

- (id)initWith:(NSDictionary *)description palette:(LatchkeyPalette *)palette
{
    if (!(self = [super init]))
        return nil;
    name = [[description objectForKey:@"name"] copy];
    digits = [[description objectForKey:@"digits"] unsignedIntegerValue];
    group = [[description objectForKey:@"group"] unsignedIntegerValue];
    most = [[description objectForKey:@"most"] unsignedIntegerValue];
    BOOL hidden = [[description objectForKey:@"hidden"] boolValue];
    field = hidden ? [[NSSecureTextField alloc] initWithFrame:NSZeroRect] : [[NSTextField alloc] initWithFrame:NSZeroRect];
    [field setFont:digits ? [palette figures:22] : [palette letters:16 bold:NO]];
    [field setTextColor:[palette ink:INK_TEXT]];
    [field setBackgroundColor:[palette ink:INK_BOX]];
    [field setDrawsBackground:YES];
    [field setBordered:NO];
    [field setBezeled:NO];
    [field setFocusRingType:NSFocusRingTypeNone]; /* the frame shows it */
    [[field cell] setScrollable:YES];
    latchkey_spoken(field, [description objectForKey:@"label"], [description objectForKey:@"help"]);
    frame = [[LatchkeyFrame alloc] initGround:INK_BOX border:INK_LINE palette:palette];
    [frame addSubview:field];
    [self setValue:[description objectForKey:@"value"]];
    return self;
}

- (void)dealloc
{
    [field setStringValue:@""]; /* what was typed goes with its screen */
    [field setDelegate:nil];
    [name release];
    [field release];
    [frame release];
    [super dealloc];
}

- (NSString *)name { return name; }
- (NSTextField *)field { return field; }
- (BOOL)takesLetters { return digits == 0; }

- (NSView *)placedWithin:(CGFloat)width palette:(LatchkeyPalette *)palette
{
    CGFloat line = latchkey_extent(@"0Ay", [field font], 1000).height + 4, edge = [palette length:9];
    [frame setFrame:NSMakeRect(0, 0, width, line + 2 * edge)];
    [field setFrame:NSMakeRect([palette length:12], edge, width - 2 * [palette length:12], line)];
    return frame;
}

- (void)setFocused:(BOOL)focused
{
    [frame setBorder:focused ? INK_ACCENT : INK_LINE thickness:focused ? 2 : 1];
}

/* The characters that belong into the field, as many as fit. */
- (NSString *)kept:(NSString *)text
{
    NSMutableString *kept = [NSMutableString string];
    for (NSUInteger n = 0; n < [text length]; n++) {
        unichar c = [text characterAtIndex:n];
        if (digits && (c < '0' || c > '9' || [kept length] >= digits))
            continue;
        [kept appendString:[text substringWithRange:NSMakeRange(n, 1)]];
    }
    while (most && [kept lengthOfBytesUsingEncoding:NSUTF8StringEncoding] > most)
        [kept deleteCharactersInRange:[kept rangeOfComposedCharacterSequenceAtIndex:[kept length] - 1]];
    return kept;
}

/* With a gap behind each full group. */
- (NSString *)grouped:(NSString *)text
{
    if (digits == 0 || group == 0)
        return text;
    NSMutableString *out = [NSMutableString string];
    for (NSUInteger n = 0; n < [text length]; n++) {
        if (n > 0 && n % group == 0)
            [out appendString:@" "];
        [out appendString:[text substringWithRange:NSMakeRange(n, 1)]];
    }
    return out;
}

- (NSText *)editor
{
    return [field currentEditor];
}

- (NSString *)typed
{
    NSText *editor = [self editor];
    return editor ? [editor string] : [field stringValue];
}

- (NSString *)value { return [self kept:[self typed]]; }
- (void)setValue:(NSString *)text { [field setStringValue:[self grouped:[self kept:text ? text : @""]]]; }

- (void)tidy
{
    NSText *editor = [self editor];
    NSString *typed = [self typed], *kept = [self kept:typed];
    if ([editor respondsToSelector:@selector(hasMarkedText)] && [(NSTextView *)editor hasMarkedText])
        return; /* an input method is not done with it */
    NSString *wanted = [self grouped:kept];
    if ([wanted isEqualToString:typed])
        return;
    if (!editor) {
        [field setStringValue:wanted];
        return;
    }
    NSUInteger caret = [[self kept:[typed substringToIndex:[editor selectedRange].location]] length];
    if (digits && group && caret)
        caret += (caret - 1) / group;
    [editor setString:wanted];
    [editor setSelectedRange:NSMakeRange(caret > [wanted length] ? [wanted length] : caret, 0)];
}

@end
