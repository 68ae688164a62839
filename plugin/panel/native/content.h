/* What one view looks like: all that stands in the window. */
#ifndef LATCHKEY_PANEL_CONTENT_H
#define LATCHKEY_PANEL_CONTENT_H

#include "entry.h"

/* What a view has under that key; empty where it has something else. */
static inline NSString *text_in(NSDictionary *from, NSString *key)
{
    id found = [from objectForKey:key];
    return [found isKindOfClass:[NSString class]] ? found : @"";
}

static inline NSArray *list_in(NSDictionary *from, NSString *key)
{
    id found = [from objectForKey:key];
    return [found isKindOfClass:[NSArray class]] ? found : [NSArray array];
}

@interface LatchkeyContent : NSObject
{
    NSDictionary *view;
    LatchkeyPalette *palette;
    LatchkeyGround *ground;
    NSMutableArray *entries, *choices, *buttons, *power;
    NSTextField *count;
    LatchkeyDots *dots;
    CGFloat top, width; /* where the next thing goes, and how wide it may be */
    id target;
}
/* Builds it, as wide as given. target gets pressed: for buttons, chosen: for
 * choices, powered: for those of the strip; it is the delegate of the fields. */
- (id)initWith:(NSDictionary *)description palette:(LatchkeyPalette *)colours width:(CGFloat)outer hint:(NSString *)hint target:(id)receiver;
/* Has to be called before it is let go. */
- (void)end;
- (NSView *)ground;
- (LatchkeyPalette *)palette;
- (NSArray *)entries;
- (NSArray *)choices;
- (NSArray *)buttons;
- (void)setCount:(NSString *)text;
@end

/* What stands where, and what was done with it (focus.m). */
@interface LatchkeyContent (Focus)
/* All that Tab goes through, in order. */
- (NSArray *)order;
- (id)named:(NSString *)name;
- (NSString *)nameOf:(id)responder;
- (LatchkeyButton *)buttonWithRole:(NSString *)role;
- (LatchkeyButton *)chosen;
- (void)choose:(LatchkeyButton *)choice;
/* By name of their fields. */
- (NSDictionary *)values;
@end

#endif
