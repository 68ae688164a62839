/* Colours, letters and measures. */
#ifndef LATCHKEY_PANEL_PALETTE_H
#define LATCHKEY_PANEL_PALETTE_H

#include "compat.h"

/* The parts of a window that have a colour. palette.m has the values, and
 * palette_test.go reads them there and looks at their contrast. */
enum ink {
    INK_GROUND,
    INK_TEXT,
    INK_QUIET,     /* labels, reasons */
    INK_LINE,      /* borders */
    INK_BOX,       /* the ground of fields and choices */
    INK_ACCENT,    /* the default button, the focus */
    INK_ON_ACCENT,
    INK_ERROR,
    INK_ERROR_BOX,
    INK_INFO,
    INK_INFO_BOX,
    INK_COUNT,
};

/* How a window looks: one of them for each window. */
@interface LatchkeyPalette : NSObject
{
    BOOL dark;
    CGFloat scale;
}
- (id)initDark:(BOOL)isDark scale:(CGFloat)factor;
- (NSColor *)ink:(enum ink)which;
/* A length or a size of letters, as it is at this scale. */
- (CGFloat)length:(CGFloat)usual;
- (NSFont *)letters:(CGFloat)size bold:(BOOL)bold;
/* Letters whose figures are all as wide as each other. */
- (NSFont *)figures:(CGFloat)size;
@end

#endif
