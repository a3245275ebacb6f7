// SPDX-License-Identifier: MIT
// confirm_cxx: a std::mutex pair locked in both orders through one helper, half a second apart: unoptimised, every lock is
// taken at one and the same call in the library's header. The deadlock can happen, and never does by itself.
#include <chrono>
#include <iostream>
#include <mutex>
#include <thread>

namespace
{

std::mutex stock, bills;
int items = 10;

void move_one(std::mutex &first, std::mutex &second)
{
    std::lock_guard outer(first);
    std::lock_guard inner(second);
    items--;
}

void deliver()
{
    move_one(stock, bills);
}

void invoice()
{
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    move_one(bills, stock);
}

} // namespace

int main()
{
    std::thread first(deliver), second(invoice);
    first.join();
    second.join();
    std::cout << items << '\n';
}
