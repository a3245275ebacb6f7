# SPDX-License-Identifier: MIT
"""memcached with four worker threads under several connections at once, and under memcslap; ended by SIGTERM."""

import signal
import socket
import threading

import harness
from harness import Started, case, free_port, record_command, require, require_equal, run, wait_until

CLIENTS = 6
KEYS = 400


class Memcached:
    def __init__(self, trace=None):
        self.port = free_port()
        argv = ['memcached', '-u', 'nobody', '-l', '127.0.0.1', '-p', self.port, '-t', '4', '-m', '32']
        self.server = Started(record_command(trace, argv) if trace else argv)
        wait_until(self.answers, 'memcached answers')

    def connect(self):
        connection = socket.create_connection(('127.0.0.1', self.port), timeout=30)
        return connection, connection.makefile('rb')

    def answers(self):
        try:
            connection, lines = self.connect()
        except OSError:
            return False
        connection.sendall(b'version\r\n')
        answered = lines.readline().startswith(b'VERSION')
        lines.close()
        connection.close()
        return answered

    def client(self, number, wrong):
        """Own keys set, read, counted up and deleted, and one key that all clients count up together."""
        connection, lines = self.connect()

        def ask(request, expected):
            connection.sendall(request)
            answer = lines.readline()
            if answer != expected:
                wrong.append((request, answer))

        for key in range(KEYS):
            name, value = b'c%d-%d' % (number, key), b'v' * (key % 300)
            ask(b'set %s 0 0 %d\r\n%s\r\n' % (name, len(value), value), b'STORED\r\n')
            ask(b'get %s\r\n' % name, b'VALUE %s 0 %d\r\n' % (name, len(value)))
            if lines.readline() != value + b'\r\n' or lines.readline() != b'END\r\n':
                wrong.append(name)
            connection.sendall(b'incr together 1\r\n')
            lines.readline()
            if key % 3 == 0:
                ask(b'delete %s\r\n' % name, b'DELETED\r\n')
        connection.close()
        lines.close()

    def work(self):
        wrong = []
        connection, lines = self.connect()
        connection.sendall(b'set together 0 0 1\r\n0\r\n')
        lines.readline()
        clients = [threading.Thread(target=self.client, args=(number, wrong)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        require(not wrong, f'wrong answers: {wrong[:3]}')
        connection.sendall(b'get together\r\n')
        lines.readline()
        together = lines.readline()
        lines.close()
        connection.close()
        slap = run(['memcslap', f'--servers=127.0.0.1:{self.port}', '--concurrency=4', '--execute-number=100'], timeout=60)
        return together, slap.status

    def stop(self):
        self.server.signal(signal.SIGTERM)
        return self.server.wait(30)


@case
def memcached_serves_the_same(folder):
    native = Memcached()
    expected = native.work()
    require_equal(expected[0], b'%d\r\n' % (CLIENTS * KEYS), 'counted together, natively')
    expected_status = native.stop().status
    trace = harness.Trace(folder / 'trace.db')
    recorded = Memcached(trace.path)
    require_equal(recorded.work(), expected, 'answers')
    # The signal goes to the server, as a service manager sends it to the main process of the group.
    server = trace_process(recorded)
    server_status = end(recorded, server)
    require_equal(server_status, expected_status, 'exit status')
    events = trace.require_sound(processes=1, threads=(8, 14))
    require(events > CLIENTS * KEYS * 4, f'only {events} events')


def trace_process(recorded):
    """The process id of the server below `trenza record`."""
    children = run(['ps', '-o', 'pid=', '--ppid', recorded.server.process.pid]).out.split()
    require_equal(len(children), 1, 'children of trenza record')
    return int(children[0])


def end(recorded, server):
    import os
    os.kill(server, signal.SIGTERM)
    return recorded.server.wait(60).status


harness.main()
