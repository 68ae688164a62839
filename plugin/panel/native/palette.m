//go:build cgo && (darwin || gnustep)

#include "palette.h"

/* Light and dark, as 0xRRGGBB, in the order of enum ink. */
static const unsigned inks[2][INK_COUNT] = {
    {0xf6f7f9, 0x1c2024, 0x555d66, 0xb9c0c8, 0xffffff, 0x1f5fbf, 0xffffff, 0xa3162a, 0xfdecee, 0x1d4f8c, 0xe8f1fc},
    {0x1f2226, 0xf2f4f6, 0xaab2bb, 0x5a626b, 0x2a2e33, 0x7fb2ff, 0x10141a, 0xffa3ab, 0x45242a, 0xa8cdfb, 0x22344c},
};

@implementation LatchkeyPalette

- (id)initDark:(BOOL)isDark scale:(CGFloat)factor
{
    if ((self = [super init])) {
        dark = isDark;
        scale = factor < 1 ? 1 : factor > 3 ? 3 : factor;
    }
    return self;
}

- (NSColor *)ink:(enum ink)which
{
    unsigned rgb = inks[dark ? 1 : 0][which];
    return [NSColor colorWithCalibratedRed:(rgb >> 16 & 0xff) / 255.0 green:(rgb >> 8 & 0xff) / 255.0 blue:(rgb & 0xff) / 255.0 alpha:1];
}

- (CGFloat)length:(CGFloat)usual
{
    return (CGFloat)(int)(usual * scale + 0.5);
}

- (NSFont *)letters:(CGFloat)size bold:(BOOL)bold
{
    return bold ? [NSFont boldSystemFontOfSize:[self length:size]] : [NSFont systemFontOfSize:[self length:size]];
}

- (NSFont *)figures:(CGFloat)size
{
    return [NSFont userFixedPitchFontOfSize:[self length:size]];
}

@end
