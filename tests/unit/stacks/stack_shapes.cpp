// SPDX-License-Identifier: MIT
#include "stack_shapes.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <search.h>
#include <stdexcept>
#include <string>
#include <ucontext.h>
#include <vector>

#define TREE(name) extern "C" void name##_tree(uint32_t seed, unsigned depth);
TREE(unoptimised)
TREE(frameless)
TREE(framed)
TREE(vector)
TREE(small)
TREE(cxx_unoptimised)
TREE(cxx_optimised)

const stack_tree stack_trees[] = { unoptimised_tree, frameless_tree, framed_tree, vector_tree, small_tree,
    cxx_unoptimised_tree, cxx_optimised_tree, nullptr };

const stack_tree stack_trees_exact[] = { unoptimised_tree, frameless_tree, framed_tree, vector_tree,
    cxx_unoptimised_tree, cxx_optimised_tree, nullptr };

unsigned shapes_taken_depth;
bool shapes_taken_truncated;
const uintptr_t *shapes_taken_frames;

void shapes_take_stack()
{
    shapes_taken_depth = stack_check_take(&shapes_taken_frames, &shapes_taken_truncated);
}

// A frame that is found by rbx only, as in the loader's _dl_runtime_resolve: no row can say that.
__asm__(".text\n"
        ".type frame_by_rbx, @function\n"
        "frame_by_rbx:\n"
        "    .cfi_startproc\n"
        "    pushq %rbx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %rbx, 0\n"
        "    movq %rsp, %rbx\n"
        "    .cfi_def_cfa_register %rbx\n"
        "    subq $100, %rsp\n"
        "    andq $-64, %rsp\n"
        "    call *%rdi\n"
        "    movq %rbx, %rsp\n"
        "    .cfi_def_cfa_register %rsp\n"
        "    popq %rbx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %rbx\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size frame_by_rbx, . - frame_by_rbx\n"
        // A frame whose CFA is an expression over rsp, as in OpenSSL's assembly.
        ".type frame_by_expression, @function\n"
        "frame_by_expression:\n"
        "    .cfi_startproc\n"
        "    movq %rsp, %rax\n"
        "    .cfi_def_cfa_register %rax\n"
        "    subq $100, %rsp\n"
        "    andq $-64, %rsp\n"
        "    movq %rax, 24(%rsp)\n"
        "    .cfi_escape 0x0f, 5, 0x77, 24, 0x06, 0x23, 8\n" // rsp + 24, dereferenced, + 8
        "    call *%rdi\n"
        "    movq 24(%rsp), %rsp\n"
        "    .cfi_def_cfa %rsp, 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size frame_by_expression, . - frame_by_expression\n"
        // rbp kept in another register: the caller's frame hangs on it.
        ".type rbp_in_register, @function\n"
        "rbp_in_register:\n"
        "    .cfi_startproc\n"
        "    pushq %r12\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %r12, 0\n"
        "    movq %rbp, %r12\n"
        "    .cfi_register %rbp, %r12\n"
        "    xorl %ebp, %ebp\n"
        "    call *%rdi\n"
        "    movq %r12, %rbp\n"
        "    .cfi_restore %rbp\n"
        "    popq %r12\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    .cfi_restore %r12\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size rbp_in_register, . - rbp_in_register\n");
__asm__(".globl shapes_on_stack\n"
        ".type shapes_on_stack, @function\n"
        "shapes_on_stack:\n"
        "    .cfi_startproc\n"
        "    pushq %rbp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    .cfi_rel_offset %rbp, 0\n"
        "    movq %rsp, %rbp\n"
        "    .cfi_def_cfa_register %rbp\n"
        "    movq %rsi, %rsp\n"
        "    call *%rdi\n"
        "    leave\n"
        "    .cfi_def_cfa %rsp, 8\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size shapes_on_stack, . - shapes_on_stack\n");

__asm__(".type plain_frame, @function\n"
        "plain_frame:\n"
        "    .cfi_startproc\n"
        "    subq $24, %rsp\n"
        "    .cfi_adjust_cfa_offset 24\n"
        "    call *%rdi\n"
        "plain_frame_return:\n"
        "    addq $24, %rsp\n"
        "    .cfi_adjust_cfa_offset -24\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size plain_frame, . - plain_frame\n");
extern "C" char plain_frame_return[];
extern const uintptr_t shapes_plain_return = reinterpret_cast<uintptr_t>(plain_frame_return);

extern "C" void frame_by_rbx(void (*)());
extern "C" void frame_by_expression(void (*)());
extern "C" void rbp_in_register(void (*)());

static void check_then_return()
{
    stack_check();
    __asm__ volatile("");
}

static void check_in_coroutine()
{
    check_then_return();
    frame_by_rbx(check_then_return);
    check_then_return();
}

static void run_coroutine()
{
    static char stack[64 << 10];
    ucontext_t there, here;
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    there.uc_link = &here;
    makecontext(&there, check_in_coroutine, 0);
    swapcontext(&here, &there);
}

static int compare_and_check(const void *a, const void *b)
{
    stack_check();
    return std::strcmp(static_cast<const char *>(a), static_cast<const char *>(b));
}

static void throw_through(int depth)
{
    struct guard {
        ~guard()
        {
            stack_check();
        }
    } here;
    if (depth == 0)
        throw std::runtime_error("thrown");
    throw_through(depth - 1);
    stack_check();
}

static void catch_it()
{
    try {
        throw_through(5);
    } catch (const std::exception &) {
        stack_check();
        try {
            std::map<int, int>().at(3);
        } catch (const std::out_of_range &) {
            check_then_return();
        }
    }
}

void shapes_through_libraries()
{
    char text[100];
    std::snprintf(text, sizeof text, "%s %d %f", "abc", 42, 0.25);
    std::string words = text;
    words += std::to_string(std::strtod("12.5", nullptr));
    std::vector<std::string> several = { words, "b", "a" };
    std::sort(several.begin(), several.end());
    std::function<void()> bound = [&] { words.append(several[0]); };
    bound();
    void *root = nullptr;
    tsearch("x", &root, compare_and_check);
    tsearch("y", &root, compare_and_check);
    twalk(root, [](const void *, VISIT, int) { stack_check(); });
    tdelete("x", &root, compare_and_check);
    tdelete("y", &root, compare_and_check);
    frame_by_rbx(check_then_return);
    frame_by_expression(check_then_return);
    rbp_in_register(check_then_return);
    catch_it();
}

void shapes_run()
{
    for (volatile int again = 0; again < 3; again = again + 1) {
        shapes_through_libraries();
        run_coroutine();
    }
}
