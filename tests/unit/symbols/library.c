// SPDX-License-Identifier: MIT
// A shared library whose function calls back, so that there is a return address in it.
void library_report(void (*report)(const char *));

__attribute__((noinline)) static void call_back(void (*report)(const char *))
{
    report("library"); // in call_back
    __asm__ volatile("");
}

void library_report(void (*report)(const char *))
{
    call_back(report);
    __asm__ volatile("");
}
