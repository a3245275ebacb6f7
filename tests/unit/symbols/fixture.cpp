// SPDX-License-Identifier: MIT
// A C++ program: namespaces, templates, lambdas, members, and the standard library's locks.
#include <array>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "report.h"

namespace bank
{
struct named {
}; // an empty base takes no room

class vault : named
{
  public:
    std::mutex mutex_;
    std::recursive_mutex again_;
    pthread_mutex_t plain_;
    static std::shared_mutex shared_;
    __attribute__((noinline)) void open(int key);
};

std::shared_mutex vault::shared_;
vault vaults[3];

void vault::open(int key)
{
    report_code(key ? "method" : ""); // in open
}
} // namespace bank

namespace
{
std::mutex unnamed;
}
static std::array<std::mutex, 4> locks;
static std::optional<std::timed_mutex> maybe{ std::in_place };
std::condition_variable condition;

template <typename T> __attribute__((noinline)) void run(T task)
{
    task();
    __asm__ volatile("");
}

static std::mutex &local_mutex()
{
    static std::mutex mutex;
    return mutex;
}

int main()
{
    bank::vaults[0].open(1);
    run([] { report_code("lambda"); }); // the lambda
    report_data("member", &bank::vaults[2].mutex_);
    report_data("first_member", &bank::vaults[1]);
    report_data("recursive", &bank::vaults[1].again_);
    report_data("pthread_member", &bank::vaults[0].plain_);
    report_data("static_member", &bank::vault::shared_);
    report_data("unnamed", &unnamed);
    report_data("element", &locks[2]);
    report_data("optional", &*maybe);
    report_data("condition", &condition);
    report_data("local", &local_mutex());
    return 0;
}
