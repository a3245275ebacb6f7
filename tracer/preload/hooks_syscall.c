// SPDX-License-Identifier: MIT
// syscall(), for the one call by which a program sets a filter of system calls past prctl: what has yet to be set up here is, before
// it. All others go on as they are, without a frame of ours, since some return twice or on another stack.
#include <errno.h>

#include "runtime.h"

// Called from assembly below.
void syscall_filters(void);
long syscall_failed(long error);

__attribute__((used)) void syscall_filters(void)
{
    process_may_be_filtered();
}

__attribute__((used)) long syscall_failed(long error)
{
    errno = (int)-error;
    return -1;
}

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

// As glibc's: six arguments, whether there are so many or not.
__asm__(".pushsection .text\n"
        ".globl syscall\n"
        ".type syscall, @function\n"
        "syscall:\n"
        ".cfi_startproc\n"
        "    cmpl $" TEXT(__NR_seccomp) ", %edi\n"
        "    je 2f\n"
        "1:  movq %rdi, %rax\n"
        "    movq %rsi, %rdi\n"
        "    movq %rdx, %rsi\n"
        "    movq %rcx, %rdx\n"
        "    movq %r8, %r10\n"
        "    movq %r9, %r8\n"
        "    movq 8(%rsp), %r9\n"
        "    syscall\n"
        "    cmpq $-4095, %rax\n"
        "    jae 3f\n"
        "    ret\n"
        "2:  pushq %rdi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %rsi\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %rdx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %rcx\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %r8\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    pushq %r9\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    subq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset 8\n"
        "    call syscall_filters\n"
        "    addq $8, %rsp\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %r9\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %r8\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rcx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rdx\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rsi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    popq %rdi\n"
        "    .cfi_adjust_cfa_offset -8\n"
        "    jmp 1b\n"
        "3:  movq %rax, %rdi\n"
        "    jmp syscall_failed\n"
        ".cfi_endproc\n"
        ".size syscall, .-syscall\n"
        ".popsection");
