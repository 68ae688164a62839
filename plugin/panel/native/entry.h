/* A field that is typed into, with its frame. */
#ifndef LATCHKEY_PANEL_ENTRY_H
#define LATCHKEY_PANEL_ENTRY_H

#include "controls.h"

@interface LatchkeyEntry : NSObject
{
    NSString *name;
    NSTextField *field;
    LatchkeyFrame *frame;
    NSUInteger digits, group, most;
}
/* description is a field as view.go has it. */
- (id)initWith:(NSDictionary *)description palette:(LatchkeyPalette *)palette;
- (NSString *)name;
- (NSTextField *)field;
/* The frame with the field in it, as wide as given. */
- (NSView *)placedWithin:(CGFloat)width palette:(LatchkeyPalette *)palette;
/* What was typed, without the gaps between groups of digits. */
- (NSString *)value;
- (void)setValue:(NSString *)text;
/* Takes out of the field what does not belong there, after a change. */
- (void)tidy;
- (void)setFocused:(BOOL)focused;
/* Whether capital letters and other keyboards matter to it. */
- (BOOL)takesLetters;
@end

#endif
