# SPDX-License-Identifier: MIT
"""What `bench.py throughput` and `bench.py short` run: each workload has a name, the number of rounds, and a function that
runs it once behind a prefix and returns milliseconds. Where the program tells the time itself, its start is not in it."""

import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path


class CannotRun(Exception):
    pass


def run(argv, *, environment=None, limit=300, **more):
    """(seconds, output) of a program that must succeed."""
    begun = time.monotonic()
    try:
        process = subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**os.environ, **(environment or {})}, start_new_session=True, **more)
    except OSError as error:
        raise CannotRun(f'{argv[0]}: {error.strerror}') from None
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise CannotRun(f'{argv[0]}: not done after {limit} s') from None
    seconds = time.monotonic() - begun
    if process.returncode != 0:
        last = err.decode(errors='replace').strip().splitlines()[-1:]
        raise CannotRun(f'{Path(argv[0]).name}: status {process.returncode} {" ".join(last)}')
    return seconds, out


class Server:
    """A server on a socket in folder, ended by SIGTERM."""

    def __init__(self, prefix, argv, path):
        path.unlink(missing_ok=True)
        words = [str(word) for word in (*prefix, *argv)]
        try:
            self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                            start_new_session=True)
        except OSError as error:
            raise CannotRun(f'{words[0]}: {error.strerror}') from None
        self.path = path

    def __enter__(self):
        for _ in range(500):
            if self.path.exists():
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.__exit__()
        raise CannotRun('the server does not come up')

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


# --- real programs ----------------------------------------------------------------------------------------------

def redis(prefix, folder):
    requests, path = 300_000, folder / 'redis.sock'
    argv = ['redis-server', '--port', '0', '--unixsocket', path, '--save', '', '--io-threads', '2',
            '--io-threads-do-reads', 'yes', '--dir', folder]
    with Server(prefix, argv, path):
        _, out = run(['redis-benchmark', '-s', path, '-t', 'set', '-n', requests, '-P', '16', '-c', '40', '--csv'])
    return requests / float(out.splitlines()[1].split(b',')[1].strip(b'"')) * 1e3


KEYS, BATCHES, CONNECTIONS = 100, 200, 4
STORE = b''.join(b'set key%03d 0 0 32\r\n%s\r\n' % (key, b'x' * 32) for key in range(KEYS))
FETCH = b''.join(b'get key%03d\r\n' % key for key in range(KEYS))
STORED = len(b'STORED\r\n') * KEYS
FETCHED = len(b'VALUE key000 0 32\r\n' + b'x' * 32 + b'\r\nEND\r\n') * KEYS


def memcached_connection(path, failures):
    """Sets and gets, each batch in one go; only the length of the answer is looked at."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(path))
            for _ in range(BATCHES):
                connection.sendall(STORE + FETCH)
                left = STORED + FETCHED
                while left > 0:
                    received = len(connection.recv(65536))
                    if received == 0:
                        raise OSError('memcached has gone')
                    left -= received
    except OSError as error:
        failures.append(error)


def memcached_server(prefix, path):
    user = ['-u', 'root'] if os.getuid() == 0 else []
    return Server(prefix, ['memcached', *user, '-U', '0', '-t', '2', '-s', path], path)


def memcached(prefix, folder):
    path = folder / 'memcached.sock'
    with memcached_server(prefix, path):
        _, out = run(['memcslap', f'--servers={path}', '--concurrency=4', '--execute-number=8000', '--test=set'])
    return float(re.search(rb'Time to set .*: *([0-9.]+) seconds', out)[1]) * 1e3


def memcached_in_batches(prefix, folder):
    path, failures = folder / 'memcached.sock', []
    with memcached_server(prefix, path):
        clients = [threading.Thread(target=memcached_connection, args=(path, failures)) for _ in range(CONNECTIONS)]
        begun = time.monotonic()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        took = time.monotonic() - begun
    if failures:
        raise CannotRun(f'memcached: {failures[0]}')
    return took * 1e3


def pbzip2(prefix, folder):
    data = folder / 'data'
    if not data.exists():
        generator = random.Random(1)
        words = [generator.randbytes(generator.randint(2, 12)) for _ in range(5000)]
        data.write_bytes(b' '.join(generator.choices(words, k=900_000)))
    # What is timed is the program with its start, so the recorder's own start and end are in it.
    return run([*prefix, 'pbzip2', '-p2', '-b3', '-k', '-f', data])[0] * 1e3


PING_PONG = '''
import queue, threading, time
there, back = queue.Queue(1), queue.Queue(1)
def answer():
    while (word := there.get()) is not None:
        back.put(word)
thread = threading.Thread(target=answer)
thread.start()
begun = time.monotonic()
for number in range(10000):
    there.put(number)
    back.get()
print((time.monotonic() - begun) * 1e3)
there.put(None)
thread.join()
'''


def tells_itself(*argv):
    def measure(prefix, _folder):
        return float(run([*prefix, *argv])[1].split()[-1])
    return measure


def start_up(prefix, _folder):
    return run([*prefix, 'true'])[0] * 1e3


# --- the lists --------------------------------------------------------------------------------------------------

def real(programs):
    return [
        ('redis, 2 io-threads, pipelined', 20, redis),
        ('memcached, memcslap with 4 clients', 20, memcached),
        ('memcached, 200 requests at a time', 20, memcached_in_batches),
        ('pbzip2 -p2, 7 MB, with its start', 10, pbzip2),
        ('C++ thread pool, 10 us tasks', 20, tells_itself(programs / 'thread_pool', 2, 20_000, 10_000)),
        ('CPython, queue ping-pong', 20, tells_itself('/usr/bin/python3', '-c', PING_PONG)),
    ]


def contended(programs):
    return [
        (f'{threads} threads on one lock, {title}', 20,
         tells_itself(programs / 'contended', threads, pairs, inside, outside))
        for threads in (2, 4)
        for title, pairs, inside, outside in (('0.1 us held', 100_000, 100, 300), ('1 us held', 50_000, 1000, 3000))
    ]


def short(programs):
    program = programs / 'short_lived'
    return [
        ('10,000 threads, one by one', 10, tells_itself(program, 'threads', 10_000, 1)),
        ('10,000 threads, 100 at a time', 10, tells_itself(program, 'threads', 10_000, 100)),
        ('1,000 forks, one by one', 10, tells_itself(program, 'forks', 1_000, 1)),
        ('1,000 forks, 10 at a time', 10, tells_itself(program, 'forks', 1_000, 10)),
        ('`true`, from start to end', 40, start_up),
    ]
