# SPDX-License-Identifier: MIT
"""redis-server with threads for input and output under redis-benchmark, its data, and a BGSAVE, which forks."""

import harness
from harness import Started, case, compare, record_command, require, require_equal, run, wait_until

OPERATIONS = 'set,get,incr,lpush,lpop,sadd,zadd,mset'


class Redis:
    """A server on a Unix socket in `folder`, natively or recorded to `trace`."""

    def __init__(self, folder, trace=None):
        self.socket = folder / ('recorded.sock' if trace else 'native.sock')
        self.folder = folder
        argv = ['redis-server', '--port', '0', '--unixsocket', self.socket, '--io-threads', '2', '--io-threads-do-reads',
                'yes', '--save', '', '--dir', folder, '--dbfilename', f'{self.socket.stem}.rdb', '--appendonly', 'no']
        self.server = Started(record_command(trace, argv) if trace else argv)
        wait_until(lambda: self.command('PING') == b'PONG', 'redis-server answers')

    def command(self, *words):
        return run(['redis-cli', '-s', self.socket, *words], timeout=20).out.strip()

    def benchmark(self):
        ended = run(['redis-benchmark', '-s', self.socket, '-n', '4000', '-c', '40', '-P', '4', '-t', OPERATIONS, '--csv'],
                    timeout=90)
        require_equal(ended.status, 0, 'redis-benchmark')
        return [line.split(b',')[0] for line in ended.out.splitlines()]

    def work(self):
        """Everything that must be the same with and without recording."""
        seen = [self.benchmark()]
        for number in range(20):
            seen.append(self.command('SET', f'key:{number}', 'x' * number))
        seen.append(self.command('EVAL', 'return redis.call("GET", KEYS[1])', '1', 'key:7'))
        seen.append(self.command('GET', 'counter:__rand_int__'))
        seen.append(self.command('LLEN', 'mylist'))
        seen.append(self.command('DBSIZE'))
        seen.append(self.command('BGSAVE'))
        wait_until(lambda: b'rdb_bgsave_in_progress:0' in self.command('INFO', 'persistence'), 'BGSAVE ends')
        seen.append(b'rdb_last_bgsave_status:ok' in self.command('INFO', 'persistence'))
        seen.append(self.command('FLUSHALL', 'ASYNC'))
        seen.append(self.command('DBSIZE'))
        return seen

    def shut_down(self):
        self.command('SHUTDOWN', 'NOSAVE')
        return self.server.wait(60)


@case
def redis_serves_the_same(folder):
    native = Redis(folder)
    expected = native.work()
    expected_status = native.shut_down().status
    trace = harness.Trace(folder / 'trace.db')
    recorded = Redis(folder, trace.path)
    require_equal(recorded.work(), expected, 'answers')
    ended = recorded.shut_down()
    require_equal(ended.status, expected_status, 'exit status')
    require((folder / 'recorded.rdb').exists(), 'BGSAVE left no file')
    # The server with its I/O thread, three background threads and jemalloc's, and the child that saves.
    trace.require_sound(processes=2, threads=(6, 20))
    require(trace.value('count(*)', "FROM process WHERE parent_id IS NOT NULL") == 1, 'the saving child is not a child')
    require(trace.events('cond-wait') > 0 and trace.events('cond-signal') > 0, 'no conditions recorded')


@case
def redis_checks_a_dump_the_same(folder):
    server = Redis(folder)
    for number in range(50):
        server.command('SET', f'key:{number}', 'value' * number)
    server.command('SAVE')
    server.shut_down()
    _, _, trace = compare(folder, ['redis-check-rdb', folder / 'native.rdb'])
    trace.require_sound(processes=1)


harness.main()
