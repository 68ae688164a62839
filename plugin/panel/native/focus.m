//go:build cgo && (darwin || gnustep)

#include "content.h"

@implementation LatchkeyContent (Focus)

- (NSArray *)order
{
    NSMutableArray *all = [NSMutableArray array];
    for (LatchkeyButton *b in choices)
        if ([b isEnabled])
            [all addObject:b];
    for (LatchkeyEntry *entry in entries)
        [all addObject:[entry field]];
    [all addObjectsFromArray:buttons];
    [all addObjectsFromArray:power];
    return all;
}

/* Pointers are compared, and nothing is sent to what may not be ours any more: a
 * field editor can name a field that has gone. */
- (NSString *)nameOf:(id)responder
{
    id owner = [responder isKindOfClass:[NSTextView class]] && [responder isFieldEditor] ? (id)[responder delegate] : responder;
    for (LatchkeyEntry *entry in entries)
        if ([entry field] == owner)
            return [@"field " stringByAppendingString:[entry name]];
    for (NSArray *list in [NSArray arrayWithObjects:choices, buttons, power, nil])
        for (LatchkeyButton *button in list)
            if (button == owner)
                return [button name];
    return @"";
}

- (id)named:(NSString *)name
{
    for (id one in [self order])
        if ([[self nameOf:one] isEqualToString:name])
            return one;
    return nil;
}

- (LatchkeyButton *)buttonWithRole:(NSString *)role
{
    NSUInteger n = 0;
    for (NSDictionary *action in list_in(view, @"actions")) {
        if ([text_in(action, @"role") isEqualToString:role])
            return [buttons objectAtIndex:n];
        n++;
    }
    return nil;
}

- (LatchkeyButton *)chosen
{
    for (LatchkeyButton *b in choices)
        if ([b state] == NSOnState)
            return b;
    return nil;
}

- (void)choose:(LatchkeyButton *)choice
{
    for (LatchkeyButton *b in choices) {
        [b setState:b == choice ? NSOnState : NSOffState];
        [b setNeedsDisplay:YES];
    }
}

- (NSDictionary *)values
{
    NSMutableDictionary *all = [NSMutableDictionary dictionary];
    for (LatchkeyEntry *entry in entries)
        [all setObject:[entry value] forKey:[entry name]];
    return all;
}

@end
