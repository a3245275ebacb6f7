// SPDX-License-Identifier: MIT
// cxx_locks: what the C++ standard library makes of pthreads, used by a few threads at once, with every result checked
// by the locks themselves: counters that are right only if the locks work. Prints one line per part.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace
{

constexpr int threads_count = 4;
constexpr int rounds = 500;

template <typename Work> void in_threads(Work work)
{
    std::vector<std::thread> threads;
    for (int index = 0; index < threads_count; index++)
        threads.emplace_back(work, index);
    for (auto &thread : threads)
        thread.join();
}

template <typename Mutex> void count_with(const char *name)
{
    auto mutex = std::make_unique<Mutex>();
    int counter = 0;
    in_threads([&](int) {
        for (int round = 0; round < rounds; round++) {
            std::lock_guard guard(*mutex);
            counter++;
        }
    });
    std::cout << name << ' ' << counter << '\n';
}

void timed_mutexes()
{
    std::timed_mutex mutex;
    std::recursive_timed_mutex recursive;
    std::unique_lock held(mutex);
    bool got_for = true, got_until = true, got_system = true;
    std::thread([&] {
        got_for = mutex.try_lock_for(10ms);
        got_until = mutex.try_lock_until(std::chrono::steady_clock::now() + 10ms);
        got_system = mutex.try_lock_until(std::chrono::system_clock::now() + 10ms);
    }).join();
    held.unlock();
    bool got_free = mutex.try_lock_for(10ms);
    mutex.unlock();
    bool twice = recursive.try_lock_for(10ms) && recursive.try_lock_for(10ms);
    recursive.unlock();
    recursive.unlock();
    std::cout << "timed " << got_for << got_until << got_system << got_free << twice << '\n';
}

void shared_mutexes()
{
    std::shared_timed_mutex mutex;
    int counter = 0;
    std::atomic<int> torn = 0;
    in_threads([&](int index) {
        for (int round = 0; round < rounds; round++)
            if (index % 2) {
                std::unique_lock guard(mutex);
                counter += 2;
            } else {
                std::shared_lock guard(mutex);
                torn += counter % 2;
            }
    });
    std::shared_lock reader(mutex);
    bool writer_got_in = true, reader_got_in = false;
    std::thread([&] {
        writer_got_in = mutex.try_lock_for(10ms);
        reader_got_in = mutex.try_lock_shared_for(10ms);
        if (reader_got_in)
            mutex.unlock_shared();
    }).join();
    std::cout << "shared " << counter << ' ' << torn << writer_got_in << reader_got_in << '\n';
}

// Both orders at once: std::scoped_lock and std::lock avoid the deadlock by trying and backing off.
void several_at_once()
{
    std::mutex first, second, third;
    long sum = 0;
    in_threads([&](int index) {
        for (int round = 0; round < rounds; round++) {
            if (index % 2) {
                std::scoped_lock guard(first, second, third);
                sum++;
            } else {
                std::scoped_lock guard(third, second, first);
                sum++;
            }
        }
    });
    std::cout << "scoped " << sum << '\n';
}

void conditions()
{
    std::mutex mutex;
    std::condition_variable cond;
    std::condition_variable_any cond_any;
    std::shared_mutex shared;
    int turn = 0;
    in_threads([&](int index) {
        for (int round = 0; round < 50; round++) {
            std::unique_lock guard(mutex);
            cond.wait(guard, [&] { return turn % threads_count == index; });
            turn++;
            cond.notify_all();
        }
    });
    bool ready = false;
    std::thread reader([&] {
        std::shared_lock guard(shared);
        cond_any.wait(guard, [&] { return ready; });
    });
    {
        std::unique_lock guard(shared);
        ready = true;
    }
    cond_any.notify_all();
    reader.join();
    std::unique_lock guard(mutex);
    bool timed_out = cond.wait_for(guard, 10ms) == std::cv_status::timeout;
    bool timed_out_system =
        cond.wait_until(guard, std::chrono::system_clock::now() + 10ms) == std::cv_status::timeout;
    std::cout << "conditions " << turn << timed_out << timed_out_system << '\n';
}

std::once_flag flag, failing_flag;

void once()
{
    std::atomic<int> runs = 0, tries = 0;
    in_threads([&](int) {
        std::call_once(flag, [&] { runs++; });
        // An exception out of the routine lets the next caller try.
        try {
            std::call_once(failing_flag, [&] {
                if (tries++ < 2)
                    throw std::runtime_error("not yet");
            });
        } catch (const std::runtime_error &) {
        }
    });
    std::cout << "once " << runs << ' ' << (tries <= 3) << '\n';
}

void futures()
{
    std::mutex mutex;
    int sum = 0;
    std::vector<std::future<int> > results;
    for (int index = 0; index < threads_count; index++)
        results.push_back(std::async(std::launch::async, [&mutex, &sum, index] {
            std::lock_guard guard(mutex);
            sum += index;
            return index;
        }));
    int total = 0;
    for (auto &result : results)
        total += result.get();
    auto failing = std::async(std::launch::async, []() -> int { throw std::logic_error("expected"); });
    std::string caught = "none";
    try {
        failing.get();
    } catch (const std::logic_error &error) {
        caught = error.what();
    }
    std::cout << "futures " << total << ' ' << sum << ' ' << caught << '\n';
}

// libstdc++ makes these from futexes or sem_t, as it was built; they must work either way.
void semaphores()
{
    std::counting_semaphore<8> permits(2);
    std::binary_semaphore binary(0);
    std::latch all_here(threads_count);
    std::atomic<int> inside = 0, too_many = 0;
    in_threads([&](int) {
        all_here.arrive_and_wait();
        for (int round = 0; round < 100; round++) {
            permits.acquire();
            too_many += ++inside > 2;
            inside--;
            permits.release();
        }
    });
    bool timed = binary.try_acquire_for(10ms);
    binary.release();
    binary.acquire();
    std::cout << "semaphores " << too_many << timed << '\n';
}

void throw_holding(std::mutex &mutex)
{
    std::lock_guard guard(mutex);
    throw std::runtime_error("thrown with the lock held");
}

void throw_from_depth(std::vector<std::mutex> &mutexes, size_t depth)
{
    std::lock_guard guard(mutexes[depth]);
    if (depth + 1 == mutexes.size())
        throw std::runtime_error("thrown with all locks held");
    throw_from_depth(mutexes, depth + 1);
}

void exceptions()
{
    std::vector<std::mutex> mutexes(10);
    std::atomic<int> caught = 0;
    std::mutex mutex;
    in_threads([&](int) {
        for (int round = 0; round < 50; round++)
            try {
                throw_holding(mutex);
            } catch (const std::runtime_error &) {
                caught++;
            }
    });
    for (int round = 0; round < 50; round++)
        try {
            throw_from_depth(mutexes, 0);
        } catch (const std::runtime_error &) {
            caught++;
        }
    int free_again = 0;
    for (auto &each : mutexes) {
        std::lock_guard guard(each); // would hang if unwinding had left it locked
        free_again++;
    }
    std::cout << "exceptions " << caught << ' ' << free_again << '\n';
}

std::mutex destructor_mutex;
int destructors = 0;

struct locks_when_destroyed {
    bool used = false;
    ~locks_when_destroyed()
    {
        std::lock_guard guard(destructor_mutex);
        destructors += used;
    }
};

thread_local locks_when_destroyed at_thread_end;

struct locks_at_exit {
    std::mutex mutex;
    ~locks_at_exit()
    {
        std::lock_guard guard(mutex);
        std::cout << "static destructor\n";
    }
} at_exit;

} // namespace

int main()
{
    count_with<std::mutex>("mutex");
    count_with<std::timed_mutex>("timed_mutex");
    count_with<std::recursive_mutex>("recursive_mutex");
    count_with<std::recursive_timed_mutex>("recursive_timed_mutex");
    count_with<std::shared_mutex>("shared_mutex");
    timed_mutexes();
    shared_mutexes();
    several_at_once();
    conditions();
    once();
    futures();
    semaphores();
    exceptions();
    in_threads([](int) { at_thread_end.used = true; });
    std::cout << "thread_local " << destructors << '\n';
    return 11;
}
