// SPDX-License-Identifier: MIT
// The axis keeps what is visible inside the whole, keeps the anchor where it is, and writes times as people do.
#include "cmocka_prelude.h"

#include <math.h>

#include "axis.h"

static struct axis make(double from, double to)
{
    struct axis axis;
    axis_init(&axis, 0, 1e9, 1);
    axis_show(&axis, from, to);
    return axis;
}

static void fits_the_whole_with_a_margin(void **state)
{
    (void)state;
    struct axis axis = make(0, 1);
    axis_fit(&axis);
    assert_true(axis.from < 0 && axis.to > 1e9);
    assert_true(axis.to - axis.from < 1.1e9);
}

static void zoom_keeps_the_anchor(void **state)
{
    (void)state;
    struct axis axis = make(1e6, 2e6);
    double before = axis_time(&axis, 250, 1000);
    axis_zoom(&axis, 0.5, 0.25);
    assert_true(fabs(axis_time(&axis, 250, 1000) - before) < 1);
    assert_true(fabs(axis.to - axis.from - 5e5) < 1);
}

static void never_zooms_in_for_ever(void **state)
{
    (void)state;
    struct axis axis = make(1e6, 2e6);
    for (int i = 0; i < 500; i++)
        axis_zoom(&axis, 0.5, 0.5);
    assert_true(axis.to - axis.from >= 19.9);
}

static void pan_ends_at_the_ends(void **state)
{
    (void)state;
    struct axis axis = make(1e6, 2e6);
    for (int i = 0; i < 100000; i++)
        axis_pan(&axis, -1);
    assert_true(fabs(axis.to - axis.from - 1e6) < 1);
    assert_true(axis.from >= -0.05e9 && axis.from <= 0);
}

static void reveal_moves_only_when_needed(void **state)
{
    (void)state;
    struct axis axis = make(1e6, 2e6);
    axis_reveal(&axis, 1.2e6, 1.3e6);
    assert_true(axis.from == 1e6);
    axis_reveal(&axis, 5e6, 5.1e6);
    assert_true(axis.from < 5e6 && axis.to > 5.1e6);
    assert_true(fabs(axis.to - axis.from - 1e6) < 1);
    axis_reveal(&axis, 1e7, 9e7);
    assert_true(axis.from < 1e7 && axis.to > 9e7);
}

static void ruler_steps_are_round(void **state)
{
    (void)state;
    struct axis axis = make(0, 1e6);
    double step = axis_step(&axis, 1000, 110);
    assert_true(step == 2e5);
    assert_true(step / (axis.to - axis.from) * 1000 >= 110);
}

static void times_have_sensible_units(void **state)
{
    (void)state;
    static const struct {
        double ns;
        const char *text;
    } cases[] = { { 0, "0 ns" }, { 12, "12 ns" }, { 999.9, "1.00 µs" }, { 1234, "1.23 µs" },
        { 45678, "45.7 µs" }, { 123456, "123 µs" }, { 2.5e6, "2.50 ms" }, { 1.5e9, "1.50 s" },
        { 3.6e12, "3600 s" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        axis_format(cases[i].ns, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

static void moments_have_the_digits_of_their_step(void **state)
{
    (void)state;
    char text[48];
    axis_format_moment(1.5e6, 1e5, text, sizeof text);
    assert_string_equal(text, "1.5 ms");
    axis_format_moment(1.5e6, 100, text, sizeof text);
    assert_string_equal(text, "1.5000 ms");
    axis_format_moment(0, 5e8, text, sizeof text);
    assert_string_equal(text, "0 ms");
    axis_format_moment(2e9, 1e9, text, sizeof text);
    assert_string_equal(text, "2 s");
}

static void growing_keeps_what_is_seen(void **state)
{
    (void)state;
    struct axis axis;
    axis_init(&axis, 0, 1000000, 1);
    axis_grow(&axis, 0, 2000000);
    assert_true(axis.from <= 0 && axis.to >= 2000000);

    axis_show(&axis, 1000000, 1500000);
    axis_grow(&axis, 0, 3000000);
    assert_float_equal(axis.from, 1000000, 1);
    assert_float_equal(axis.to, 1500000, 1);

    axis_pan(&axis, 1e9);
    assert_true(axis.to >= 3000000);
    double width = axis.to - axis.from;
    double beyond = axis.to - 3000000;
    axis_grow(&axis, 0, 7000000);
    assert_float_equal(axis.to - axis.from, width, 1);
    assert_float_equal(axis.to - 7000000, beyond, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits_the_whole_with_a_margin),
        cmocka_unit_test(zoom_keeps_the_anchor),
        cmocka_unit_test(never_zooms_in_for_ever),
        cmocka_unit_test(pan_ends_at_the_ends),
        cmocka_unit_test(reveal_moves_only_when_needed),
        cmocka_unit_test(ruler_steps_are_round),
        cmocka_unit_test(times_have_sensible_units),
        cmocka_unit_test(moments_have_the_digits_of_their_step),
        cmocka_unit_test(growing_keeps_what_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
