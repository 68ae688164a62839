/* What a window is made of. They draw themselves, so that they look the same
 * everywhere; to VoiceOver they are the buttons, fields and texts that they
 * derive from. */
#ifndef LATCHKEY_PANEL_CONTROLS_H
#define LATCHKEY_PANEL_CONTROLS_H

#include "palette.h"

enum button_look {
    LOOK_DEFAULT, /* what Return presses */
    LOOK_PLAIN,
    LOOK_LINK,    /* of the strip below */
    LOOK_CHOICE,  /* one of a list */
};

@interface LatchkeyButton : NSButton
{
    LatchkeyPalette *palette;
    enum button_look look;
    NSString *name, *detail;
}
- (id)initLook:(enum button_look)which name:(NSString *)identity label:(NSString *)label palette:(LatchkeyPalette *)colours;
/* What stands below the label of a choice. */
- (void)setDetail:(NSString *)text;
- (NSString *)name;
- (enum button_look)look;
- (CGFloat)widthWanted;
- (CGFloat)heightWantedAt:(CGFloat)width;
@end

/* The frame around a field. */
@interface LatchkeyFrame : NSView
{
    LatchkeyPalette *palette;
    enum ink ground, border;
    CGFloat thickness;
}
- (id)initGround:(enum ink)inside border:(enum ink)outside palette:(LatchkeyPalette *)colours;
- (void)setBorder:(enum ink)outside thickness:(CGFloat)points;
@end

/* A QR code: rows of ones (dark) and zeros. */
@interface LatchkeySquares : NSView
{
    NSArray *rows;
}
- (id)initRows:(NSArray *)lines;
@end

/* Three dots that move while something runs, and the sign of the product. */
@interface LatchkeyDots : NSView
{
    LatchkeyPalette *palette;
    NSTimer *timer;
    int step;
}
- (id)initPalette:(LatchkeyPalette *)colours;
/* Has to be called before it is let go: its timer holds it. */
- (void)stop;
@end

@interface LatchkeySign : NSView
{
    LatchkeyPalette *palette;
}
- (id)initPalette:(LatchkeyPalette *)colours;
@end

/* The view that holds them all; its origin is at the top. */
@interface LatchkeyGround : NSView
{
    LatchkeyPalette *palette;
}
- (void)setPalette:(LatchkeyPalette *)colours;
@end

/* What is seen of the ground, where it is higher than the display: it moves with
 * the focus and with the wheel, and a line at its edge shows where it stands. */
@interface LatchkeyPort : NSView
{
    LatchkeyPalette *palette;
    NSView *ground;
    LatchkeyFrame *bar;
    CGFloat offset;
}
- (void)show:(NSView *)content palette:(LatchkeyPalette *)colours;
/* Has to be called when it has another size. */
- (void)settle;
/* Brings a part of the content into sight. */
- (void)reveal:(NSView *)part margin:(CGFloat)margin;
@end

/* A text that is not typed into, as wide as given and as high as it needs. */
NSTextField *latchkey_text(NSString *text, NSFont *font, NSColor *colour, CGFloat width);
/* How large a text is within that width. */
NSSize latchkey_extent(NSString *text, NSFont *font, CGFloat width);
/* What VoiceOver says of a control, and of what it is for; nil for nothing. */
void latchkey_spoken(id control, NSString *label, NSString *help);

#endif
