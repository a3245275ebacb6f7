# SPDX-License-Identifier: MIT
"""nginx: a master that forks workers, in the foreground and as a daemon, under ab; ended gracefully."""

import os
import signal
import urllib.request

import harness
from harness import Started, case, free_port, record_command, require, require_equal, run, wait_until

CONFIGURATION = """
worker_processes 2;
daemon {daemon};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "hello\\n"; }}
        location /static/ {{ alias {folder}/static/; }}
    }}
}}
"""


class Nginx:
    def __init__(self, folder, daemon, trace=None):
        folder.mkdir()
        folder.parent.chmod(0o755)
        folder.chmod(0o755)
        (folder / 'static').mkdir()
        (folder / 'static' / 'file').write_bytes(bytes(range(256)) * 100)
        self.folder, self.port = folder, free_port()
        configuration = folder / 'nginx.conf'
        configuration.write_text(CONFIGURATION.format(daemon=daemon, folder=folder, port=self.port))
        argv = ['/usr/sbin/nginx', '-p', folder, '-c', configuration, '-e', folder / 'error.log']
        self.process = Started(record_command(trace, argv) if trace else argv)
        wait_until(self.answers, 'nginx answers')

    def get(self, path):
        with urllib.request.urlopen(f'http://127.0.0.1:{self.port}{path}', timeout=10) as answer:
            return answer.read()

    def answers(self):
        try:
            return self.get('/') == b'hello\n'
        except OSError:
            return False

    def master(self):
        return int((self.folder / 'nginx.pid').read_text())

    def work(self):
        load = run(['ab', '-q', '-n', '300', '-c', '8', f'http://127.0.0.1:{self.port}/static/file'], timeout=60)
        seen = [line for line in load.out.splitlines() if line.startswith((b'Complete', b'Failed', b'HTML', b'Document'))]
        # New workers with the new configuration, the old ones end.
        before = self.workers()
        os.kill(self.master(), signal.SIGHUP)
        wait_until(lambda: len(self.workers()) == 2 and not set(self.workers()) & set(before), 'the workers are new')
        seen += [self.get('/'), self.get('/static/file')]
        return seen

    def workers(self):
        return run(['ps', '-o', 'pid=', '--ppid', self.master()]).out.split()

    def quit(self):
        master = self.master()
        os.kill(master, signal.SIGQUIT)
        wait_until(lambda: not (self.folder / 'nginx.pid').exists(), 'nginx quits')
        return self.process.wait(60)


def serves_the_same(folder, daemon):
    native = Nginx(folder / 'native', daemon)
    expected = native.work()
    expected_status = native.quit().status
    trace = harness.Trace(folder / 'trace.db')
    recorded = Nginx(folder / 'recorded', daemon, trace.path)
    require_equal(recorded.work(), expected, 'answers')
    require_equal(recorded.quit().status, expected_status, 'exit status')
    require(b'alert' not in (folder / 'recorded' / 'error.log').read_bytes(), 'nginx raised an alert')
    return trace


@case
def nginx_in_the_foreground_serves_the_same(folder):
    trace = serves_the_same(folder, 'off')
    # The master, two workers, two more after the reload.
    trace.require_sound(processes=5)


@case
def nginx_as_a_daemon_serves_the_same(folder):
    trace = serves_the_same(folder, 'on')
    trace.require_sound(processes=6)


harness.main()
