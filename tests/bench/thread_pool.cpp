// SPDX-License-Identifier: MIT
// thread_pool THREADS TASKS STEPS: a queue under a std::mutex with a condition variable, workers that take tasks from it and
// give their results back by std::future, as thread pools in C++ do. A task is STEPS dependent multiplications. Prints
// the milliseconds from the first task's submission to the last one's result.
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

namespace
{

class pool
{
  public:
    explicit pool(unsigned count)
    {
        for (unsigned i = 0; i < count; i++)
            workers.emplace_back([this] { run(); });
    }

    ~pool()
    {
        {
            std::lock_guard guard(mutex);
            closed = true;
        }
        filled.notify_all();
        for (auto &worker : workers)
            worker.join();
    }

    std::future<uint64_t> submit(std::function<uint64_t()> function)
    {
        auto task = std::make_shared<std::packaged_task<uint64_t()> >(std::move(function));
        {
            std::lock_guard guard(mutex);
            tasks.push([task] { (*task)(); });
        }
        filled.notify_one();
        return task->get_future();
    }

  private:
    void run()
    {
        for (;;) {
            std::unique_lock lock(mutex);
            filled.wait(lock, [this] { return closed || !tasks.empty(); });
            if (tasks.empty())
                return;
            auto task = std::move(tasks.front());
            tasks.pop();
            lock.unlock();
            task();
        }
    }

    std::mutex mutex;
    std::condition_variable filled;
    std::queue<std::function<void()> > tasks;
    bool closed = false;
    std::vector<std::thread> workers;
};

uint64_t work(uint64_t value, unsigned long steps)
{
    for (unsigned long step = 0; step < steps; step++) {
        value = value * 6364136223846793005u + 1442695040888963407u;
        asm volatile("" : "+r"(value));
    }
    return value;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    pool workers(static_cast<unsigned>(std::atoi(argv[1])));
    const unsigned long count = std::strtoul(argv[2], nullptr, 10),
                        steps = std::strtoul(argv[3], nullptr, 10);
    const auto begin = std::chrono::steady_clock::now();
    std::vector<std::future<uint64_t> > results;
    for (unsigned long i = 0; i < count; i++)
        results.push_back(workers.submit([i, steps] { return work(i, steps); }));
    uint64_t sum = 0;
    for (auto &result : results)
        sum += result.get();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    std::printf("%.3f\n", took.count());
    return sum == 1 ? 4 : 0;
}
