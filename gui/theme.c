// SPDX-License-Identifier: MIT
// The two themes and the locks' palette.
#include "theme.h"

#define RGB(hex)                                                                                             \
    {                                                                                                        \
        ((hex) >> 16 & 255) / 255.0, ((hex) >> 8 & 255) / 255.0, ((hex)&255) / 255.0, 1                      \
    }

const struct theme theme_light = {
    .dark = false,
    .background = RGB(0xffffff),
    .lane = RGB(0xe9edf3),
    .header = RGB(0xf7f8fa),
    .line = RGB(0xd5d9df),
    .grid = RGB(0xe3e6eb),
    .text = RGB(0x1d2229),
    .dim = RGB(0x5c6672),
    .faint = RGB(0xa3abb5),
    .accent = RGB(0x1a5fb4),
    .error = RGB(0xc01c28),
    .warning = RGB(0x9a5b00),
    .note = RGB(0x1a5fb4),
    .wait = RGB(0x8b95a3),
    .heat = RGB(0xd7301f),
};

const struct theme theme_dark = {
    .dark = true,
    .background = RGB(0x1c1e22),
    .lane = RGB(0x31363d),
    .header = RGB(0x23262b),
    .line = RGB(0x3c424a),
    .grid = RGB(0x2b2f35),
    .text = RGB(0xeceff3),
    .dim = RGB(0xa5aeb9),
    .faint = RGB(0x656e79),
    .accent = RGB(0x78aeed),
    .error = RGB(0xff7b72),
    .warning = RGB(0xe5b567),
    .note = RGB(0x78aeed),
    .wait = RGB(0x7f8a98),
    .heat = RGB(0xff6a4d),
};

#define LOCKS 8u
static const struct colour light_locks[LOCKS] = { RGB(0x0072b2), RGB(0xe69f00), RGB(0x009e73), RGB(0xcc79a7),
    RGB(0x56b4e9), RGB(0xd55e00), RGB(0xe6d72a), RGB(0x7a68a6) };
static const struct colour dark_locks[LOCKS] = { RGB(0x3d9ad1), RGB(0xe69f00), RGB(0x1fb58a), RGB(0xd68ab4),
    RGB(0x6fc3f2), RGB(0xe5772e), RGB(0xe8dc4a), RGB(0x9d8cc7) };

struct colour colour_mix(struct colour a, struct colour b, double share_of_b)
{
    double share = 1 - share_of_b;
    return (struct colour){ a.red * share + b.red * share_of_b, a.green * share + b.green * share_of_b,
        a.blue * share + b.blue * share_of_b, a.alpha * share + b.alpha * share_of_b };
}

struct colour colour_alpha(struct colour colour, double alpha)
{
    colour.alpha = alpha;
    return colour;
}

struct colour theme_lock(const struct theme *theme, unsigned tag)
{
    struct colour colour = (theme->dark ? dark_locks : light_locks)[tag % LOCKS];
    // Beyond the palette, shades of it.
    unsigned round = tag / LOCKS % 3;
    const struct colour white = RGB(0xffffff);
    const struct colour black = RGB(0x000000);
    return round == 1   ? colour_mix(colour, white, 0.4)
           : round == 2 ? colour_mix(colour, black, 0.35)
                        : colour;
}

struct colour theme_text_on(struct colour background)
{
    const struct colour white = RGB(0xffffff);
    const struct colour black = RGB(0x101418);
    double luminance = 0.2126 * background.red * background.red +
                       0.7152 * background.green * background.green +
                       0.0722 * background.blue * background.blue;
    return luminance > 0.2 ? black : white;
}

uint32_t colour_pixel(struct colour colour)
{
    return 0xff000000u | (uint32_t)(colour.red * 255 + 0.5) << 16 |
           (uint32_t)(colour.green * 255 + 0.5) << 8 | (uint32_t)(colour.blue * 255 + 0.5);
}
