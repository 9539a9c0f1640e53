# The metrics: their format, what they count, that counts survive dead processes, and who may read them.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces

use FindBin;
use List::Util qw(sum0);

use lib "$FindBin::Bin/lib";
use Cluster;
use Prometheus;
use Site;
use Runner::Command;
use Tus;

my @NAMES = qw(
    requests_total request_seconds tokens_in_use tokens_capacity tokens_rejected_total tokens_reaped_total
    stream_bytes_total upload_bytes_total db_reconnects_total worker_restarts_total deletions_pending
    deletions_dead deletions_done_total password_hash_waiting
);

my $cluster = Cluster->start;
my $site = Site->start(cluster => $cluster);
my $ann = $site->user('ann');
my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};

sub metrics () { return Prometheus->parse($site->get('/metrics')->body) }

# The number of requests that returned this status.
sub requests ($service, $route, $status) {
    return metrics()->value('video_server_requests_total', service => $service, route => $route, status => $status) // 0;
}

sub restarts ($service) { return metrics()->value('video_server_worker_restarts_total', service => $service) }

subtest '/metrics conforms to the Prometheus text format' => sub {
    $ann->upload($vid, 'bunny.mp4')->is(201);
    $site->get("/stream/videos/$vid")->is(200);
    $site->delete('/scheduler/videos/999')->is(200);
    my $response = $site->get('/metrics')->is(200)
        ->header_is('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    my $metrics = Prometheus->parse($response->body);
    is_deeply [$metrics->wrong], [], 'every line is valid';
    my %families = map { $_ => 1 } $metrics->families;
    ok delete $families{"video_server_$_"}, "the metric video_server_$_ exists" for @NAMES;
    is_deeply [sort keys %families], [], 'there are no other metrics';
    for my $service (qw(api stream scheduler)) {
        is $metrics->value('video_server_db_reconnects_total', service => $service), 0, "the metrics of the service $service are included";
    }
    $site->get('/metrics/')->is(200, 'the URL with a trailing slash returns 200');
    $site->post('/metrics', 'x')->is(405)->header_is('Allow', 'OPTIONS, GET, HEAD');

    plan skip_all => 'promtool is not installed' if !grep { -x "$_/promtool" } split /:/, $ENV{PATH};
    my ($status, $output) = Runner::Command::capture(['promtool', 'check', 'metrics'], $response->body);
    is $status, 0, 'promtool finds nothing wrong' or diag $output;
};

subtest 'password_hash_waiting shows the logins that wait for a hash thread' => sub {
    my $slow = Site->start(VS_PASSWORD_THREADS => 1, VS_PASSWORD_MEMORY_KIB => 64 * 1024, VS_PASSWORD_PASSES => 12);
    my $waiting = sub { Prometheus->parse($slow->get('/metrics')->body)->value('video_server_password_hash_waiting') };
    $slow->user('ann');
    is $waiting->(), 0, 'the metric is 0 at the start';
    my %login = (json => {user_name => 'ann', pwd => 'not the password'});
    my @logins = map { $slow->open('POST', '/api/sessions', %login) } 1 .. 5;
    $slow->soon(sub { $waiting->() == 4 }, 'of five logins one is hashed and four wait');
    $slow->post('/api/sessions', {user_name => 'ann'})->is(400, 'an invalid login, which needs no hash, is answered at once');
    cmp_ok $waiting->(), '>', 0, 'other logins still wait then';
    like $_->rest(60), qr{^HTTP/1[.]1 401}, 'every waiting login is answered' for @logins;
    is $waiting->(), 0, 'the metric is 0 at the end';
    $slow->stop;
};

subtest 'the parser of this test rejects invalid metrics' => sub {
    my $head = "# HELP a_total A.\n# TYPE a_total counter\n";
    for my $wrong (
        "a_total 1\n", "${head}a_total 1", "${head}a_total{b=\"c} 1\n", "${head}a_total 1\na_total 1\n",
        "${head}a_total 1\n# HELP b B.\n# TYPE b gauge\nb 1\na_total{x=\"y\"} 1\n", "# HELP a A.\n# TYPE a counter\na 1\n",
        "# TYPE a gauge\na 1\n", "${head}a_total -1\n", "${head}a_total{b=\"c\",b=\"d\"} 1\n", "${head}$head",
        map { "# HELP h H.\n# TYPE h histogram\n$_" }
            "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n", "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
            "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
    ) {
        my @found = Prometheus->parse($wrong)->wrong;
        isnt scalar @found, 0, 'rejected: ' . $wrong =~ s/\n/, /gr;
    }
};

subtest 'each request is counted once, with its route and status' => sub {
    for my $case (
        [api => 'GET', "/api/videos/$vid", '/api/videos/:vid', 200], [api => 'GET', '/api/videos/999', '/api/videos/:vid', 404],
        [api => 'HEAD', "/api/videos/$vid/", '/api/videos/:vid', 200], [api => 'GET', '/api/videos/x', '/api/videos/:vid', 400],
        [api => 'DELETE', '/api/videos/1', '/api/videos/:vid', 401], [api => 'GET', '/api/nothing', 'none', 404],
        [api => 'PUT', '/api/videos', 'none', 405], [stream => 'GET', "/stream/videos/$vid", '/stream/videos/:vid', 200],
        [scheduler => 'DELETE', '/scheduler/videos/999', '/scheduler/videos/:vid', 200],
    ) {
        my ($service, $method, $path, $route, $status) = @$case;
        my $before = requests($service, $route, $status);
        $site->request($method, $path)->is($status);
        is requests($service, $route, $status), $before + 1, "$method $path is counted once";
    }
    my $refused = requests('stream', '/stream/videos/:vid', 401);
    my ($all, $received) = map { requests('stream', '/stream/videos/:vid', $_) } 204, 201;
    $site->upload($vid, 'bunny.mp4')->is(401);
    is requests('stream', '/stream/videos/:vid', 401), $refused + 1, 'an upload rejected before the body is counted once';
    $ann->upload($vid, 'bunny.mp4')->is(201);
    is requests('stream', '/stream/videos/:vid', 201), $received + 1, 'an accepted upload is counted once';
    is requests('stream', '/stream/videos/:vid', 204), $all, 'the check before the body is not counted itself';
};

subtest 'the bytes of uploads and streams are counted' => sub {
    my $bytes = sub ($what) { metrics()->value("video_server_${what}_bytes_total") };
    my $before = $bytes->('upload');
    $ann->upload($vid, 'bunny.mp4')->is(201);
    is $bytes->('upload'), $before + Site::Media::BYTES, 'the bytes of an upload are counted';
    my $sent = $bytes->('stream');
    $site->get("/stream/videos/$vid")->is(200);
    $site->soon(sub { $bytes->('stream') >= $sent + Site::Media::BYTES }, 'the bytes sent to a client are counted');

    my $content = Site::Media::content('mp4', 600_000);
    my $upload = Tus->create($ann, $vid, length $content);
    $before = $bytes->('upload');
    $upload->patch(0, substr $content, 0, 40_000)->is(204);
    is $bytes->('upload'), $before + 40_000, 'the bytes of a chunk are counted';
    my $cut = $upload->open(40_000, substr($content, 40_000, 300_000), 560_000);
    $site->soon(sub { grep { -s } glob "$site->{media}/incoming/*" }, 'a second chunk is being received');
    $cut->close;
    $site->soon(sub { $upload->offset > 40_000 }, 'the received part of an interrupted chunk is kept');
    is $bytes->('upload'), $before + $upload->offset, 'only the received bytes of the interrupted chunk are counted';
};

subtest 'the duration of a request is counted in the histogram' => sub {
    my %route = (service => 'api', route => '/api/videos/:vid/comments');
    my $lock = $site->transaction("SELECT FROM videos WHERE id = $vid FOR UPDATE");
    my $waiting = $ann->open('POST', "/api/videos/$vid/comments", json => {content => 'nice'});
    my $blocked = q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'video_api' AND wait_event_type = 'Lock'}
        . q{ AND clock_timestamp() - query_start >= interval '0.1 s'};
    $site->soon(sub { $site->sql($blocked) > 0 }, 'a request has waited for a lock for 0.1 s');
    $lock->commit;
    like $waiting->rest, qr{^HTTP/1\.1 201 }, 'the request succeeds once the lock is released';
    my $metrics = metrics();
    is $metrics->value('video_server_request_seconds_count', %route), 1, 'the request is counted';
    cmp_ok $metrics->value('video_server_request_seconds_sum', %route), '>=', 0.1, 'the sum contains its duration';
    is $metrics->value('video_server_request_seconds_bucket', %route, le => 0.05), 0, 'the bucket of 0.05 s does not contain the request';
    is $metrics->value('video_server_request_seconds_bucket', %route, le => '+Inf'), 1, 'the bucket +Inf contains the request';
};

subtest 'concurrent requests are all counted' => sub {
    my $before = requests('api', '/api/videos/:vid', 200);
    for my $round (1 .. 20) {
        my @requests = map { $site->open('GET', "/api/videos/$vid") } 1 .. 10;
        $_->rest for @requests;
    }
    is requests('api', '/api/videos/:vid', 200), $before + 200, 'each of 200 requests to two workers is counted';
};

subtest 'counts survive the death of the workers' => sub {
    $site->expect_log(qr/event=worker_ended pool=\w+ worker=\d+ signal=9/, qr/(?:recv|writev)\(\) failed/);
    my ($counted, $before) = (requests('api', '/api/videos/:vid', 200), restarts('api'));
    my ($supervisor, @workers) = $site->pids('fcgi-api');
    $site->kill(KILL => @workers);
    $site->soon(sub { restarts('api') == $before + @workers }, 'the restarts of the workers are counted');
    cmp_ok requests('api', '/api/videos/:vid', 200), '>=', $counted, 'the requests counted before are still there';
    $counted = requests('api', '/api/videos/:vid', 200);
    $site->get("/api/videos/$vid")->is(200);
    is requests('api', '/api/videos/:vid', 200), $counted + 1, 'a new worker continues the count';
    is restarts('stream'), 0, 'no restart is counted for another program';
    is_deeply [metrics()->wrong], [], 'the format is still valid';
};

subtest 'counts survive the death of a whole program' => sub {
    $site->expect_log(qr/fcgi-stream died \(signal 9\)/, qr/connect\(\) to \S+ failed/);
    my $counted = requests('stream', '/stream/videos/:vid', 200);
    my ($old) = $site->kill(KILL => 'fcgi-stream');
    is requests('stream', '/stream/videos/:vid', 200), $counted, 'the counts are shown while the program is down';
    $site->soon(sub { $site->get("/stream/videos/$vid")->status == 200 }, 'the program is restarted');
    is requests('stream', '/stream/videos/:vid', 200), $counted + 1, 'the restarted program continues the count';
};

# As after an upgrade: the existing file was written by a version with other metrics.
subtest 'a metrics file of another version is ignored and then replaced' => sub {
    $site->expect_log(qr/scheduler died \(signal 9\)/);
    open my $file, '+<:raw', $site->run_path('scheduler.metrics') or die "no file: $!\n";
    sysseek $file, 8, 0;
    syswrite $file, 'version2';
    is requests('scheduler', '/scheduler/videos/:vid', 200), 0, 'the counts of a file of another version are not shown';
    ok $site->log_lines(qr/event=metrics_file_ignored service=scheduler/), 'the ignored file is logged';
    is_deeply [metrics()->wrong], [], 'the other metrics are still valid';
    $site->kill(KILL => 'scheduler');
    $site->soon(sub { $site->log_lines(qr/event=shared_memory_replaced name=scheduler\.metrics /) }, 'a program that starts logs that it replaces the file');
    $site->soon(sub {
        $site->delete('/scheduler/videos/999');    # perhaps answered by a worker of the old program
        return requests('scheduler', '/scheduler/videos/:vid', 200) > 0;
    }, 'requests are counted in the new file');
};

subtest 'reconnects to the database are counted' => sub {
    my @before = map { metrics()->value('video_server_db_reconnects_total', service => $_) } qw(api stream);
    $cluster->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^video_'});
    $site->soon(sub {
        $site->get("/api/videos/$vid");
        return metrics()->value('video_server_db_reconnects_total', service => 'api') > $before[0];
    }, 'the reconnects of the API are counted');
    my $other = metrics()->value('video_server_db_reconnects_total', service => 'stream');
    cmp_ok $other, '>=', $before[1], 'the reconnects of fcgi-stream are counted separately';
};

subtest 'only local clients may read the metrics' => sub {
    $site->expect_log(qr/access forbidden by rule/);
    $site->get('/metrics', from => '127.0.0.2')->is(403, 'another address gets 403')->problem('006');
    $site->get('/metrics/', from => '127.0.0.2')->is(403, 'another address gets 403 with a trailing slash, too');
    $site->get('/%6detrics', from => '127.0.0.2')->is(403, 'another address gets 403 for an escaped path, too');
    $site->get('/api/metrics')->is(404);
};

done_testing;
