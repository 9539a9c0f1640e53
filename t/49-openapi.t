# The OpenAPI document describes every route, and the site's responses match it.

use v5.36;

use Fcntl qw(LOCK_EX);
use FindBin;
use IPC::Open2 qw(open2);
use JSON::PP ();

use lib "$FindBin::Bin/lib";
use Bucket;
use Cluster;
use Site;
use Tus;

use constant {
    NOBODYS_ID   => 9_223_372_036_854_775_807,
    NOBODYS_UUID => '00000000-0000-4000-8000-000000000000',
    LARGE_VIDEO  => 8 * 1024 * 1024,
};

my $TREE = "$FindBin::Bin/..";
my $JSON = JSON::PP->new->utf8->canonical;

my $cluster = Cluster->start;
my %SETTINGS = (
    cluster             => $cluster,
    VS_MAX_UPLOAD_BYTES => '9M',
    VS_USER_QUOTA_BYTES => '10M',
    VS_STREAM_TOKENS    => 1,
    VS_UPLOAD_TOKENS    => 1,
    VS_LOGIN_FAILURES   => 3,
    VS_REGISTRATIONS_PER_ADDRESS => 30,
);
my $site = Site->start(%SETTINGS);

sub read_file ($path) {
    open my $file, '<:raw', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

my $document = $JSON->decode(read_file("$TREE/fcgi-api/openapi.json"));
my @responses;    # checked against the document at the end

# --- requests

# The path template in the document that matches an address.
sub path_template ($address) {
    my $path = $address =~ s/\?.*//sr =~ s{(?<=.)/$}{}r;
    for my $template (sort keys %{$document->{paths}}) {
        my $pattern = join '[^/]+', map { quotemeta } split /\{\w+\}/, $template, -1;
        return $template if $path =~ /^$pattern$/;
    }
    return;
}

# Sends a request, expects the status, and records the response for the checks at the end.
sub expect ($who, $method, $address, $status, %options) {
    my $response = $who->request($method, $address, %options)->is($status);
    my %headers = map { @$_ } @{$response->{headers}};
    cmp_ok scalar(grep { lc $_->[0] eq 'cache-control' } @{$response->{headers}}), '<=', 1, "$method $address has at most one Cache-Control header";
    my $type = $headers{'content-type'} // '';
    push @responses, {
        name    => "$method $address: $status",
        path    => path_template($address),
        method  => lc $method,
        status  => '' . $response->status,
        type    => $type,
        headers => \%headers,
        body    => $type =~ /json/ ? $response->body : length $response->body ? '(bytes)' : '',
    };
    return $response;
}

my $ann  = $site->user('ann');
my $bob  = $site->user('bob');
my $VIDEO = Site::Media::content('mp4');
my $POSTER = "\xff\xd8\xff\xe0" . 'a JPEG';
my $UID   = $ann->id;
my $PWD   = Site::Actor::PASSWORD;

sub new_video ()      { return $ann->post('/api/videos', {title => 'New'})->json->{id} }
sub new_session ()    { return $site->user('ann') }
sub new_comment ($on) { return $bob->post("/api/videos/$on/comments", {content => 'So?'})->json->{id} }

my ($READY, $EMPTY) = (new_video(), new_video());
$ann->upload($READY, 'bunny.mp4')->is(201);
my $LARGE = $bob->post('/api/videos', {title => 'Large'})->json->{id};
$bob->post("/stream/videos/$LARGE", Site::Media::content('mp4', LARGE_VIDEO))->is(201);
my %TUS = (headers => {'Tus-Resumable' => '1.0.0'});
my $bucket = Bucket->new($site);

subtest 'the document is served' => sub {
    my $response = expect($site, GET => '/api/openapi.json', 200);
    is $response->body, read_file("$TREE/fcgi-api/openapi.json"), 'the response is fcgi-api/openapi.json';
    $response->header_like('Cache-Control', qr/^public, max-age=\d+$/)->header_like('ETag', qr/^"\d+"$/);
    expect($site, GET => '/api/openapi.json/', 304, headers => {'If-None-Match' => scalar $response->header('ETag')});
    expect($site, GET => '/api/openapi.json', 200, headers => {'If-None-Match' => '"1"'});
    $site->head('/api/openapi.json')->is(200)->body_is('');
};

subtest 'the document has every route and no others' => sub {
    my @routes;
    for my $program (qw(fcgi-api fcgi-stream scheduler)) {
        my $table = read_file("$TREE/$program/routes.c");
        push @routes, map { s/:(\w+)/{$1}/gr } grep { !/^GATE / } map { "$_->[0] $_->[1]" } _pairs($table =~ /\{METHOD_(\w+),\s*"([^"]+)"/g);
    }
    my @operations = map { my $path = $_; map { uc . " $path" } sort keys %{$document->{paths}{$path}} } sort keys %{$document->{paths}};
    is_deeply [sort @operations], [sort @routes], 'the operations are the routes';
};

sub _pairs (@list) { return map { [@list[2 * $_, 2 * $_ + 1]] } 0 .. @list / 2 - 1 }

subtest 'successful requests' => sub {
    my %pwd = (pwd => $PWD);
    expect($site, POST => '/api/users', 201, json => {user_name => 'carl', %pwd});
    my $user = expect($site, GET => "/api/users/$UID", 200);
    expect($site, GET => "/api/users/$UID", 304, headers => {'If-None-Match' => scalar $user->header('ETag')});
    expect($site, GET => "/api/users/$UID/videos?limit=1", 200);
    expect($site, POST => '/api/sessions', 200, json => {user_name => 'carl', %pwd});
    my $erin = $site->user('erin');
    expect($erin, PUT => '/api/users/' . $erin->id . '/password', 204, json => {%pwd, old_pwd => $PWD});
    my $second = new_session();
    my ($current) = grep { $_->{current} } @{expect($second, GET => '/api/sessions/', 200)->json->{sessions}};
    expect($ann, DELETE => "/api/sessions/$current->{id}", 204);
    expect(new_session(), DELETE => '/api/sessions', 205);
    expect($site, GET => "/api/videos$_", 200) for '', '?limit=1', '?q=new', '?state=ready', '/';
    expect($ann, POST => '/api/videos', 201, json => {title => 'Bunny', description => "A\nrabbit"}, headers => {'Idempotency-Key' => 'x'});
    my $video = expect($site, GET => "/api/videos/$READY", 200);
    expect($site, GET => "/api/videos/$EMPTY", 200);
    expect($site, GET => "/api/videos/$READY", 304, headers => {'If-None-Match' => scalar $video->header('ETag')});
    expect($ann, PATCH => "/api/videos/$READY", 200, json => {title => 'Better'});
    expect($bob, POST => "/api/videos/$READY/comments", 201, json => {content => 'Nice.'});
    expect($site, GET => "/api/videos/$READY/comments", 200);
    expect($ann, DELETE => "/api/videos/$READY/comments/" . new_comment($READY), 204);
    expect($ann, DELETE => '/api/videos/' . new_video(), 204);
    my $file = watch(200);
    watch(206, Range => 'bytes=8-15');
    watch(304, 'If-None-Match' => scalar $file->header('ETag'));
    watch(416, Range => 'bytes=9999999-');
    upload(201);
    $site->soon(sub { !$bucket->in_use('upload') }, 'the token is free');
    expect($ann, PUT => "/stream/videos/$READY/poster", 201, body => $POSTER);
    my $poster = expect($site, GET => "/stream/videos/$READY/poster", 200);
    expect($site, GET => "/stream/videos/$READY/poster", 304, headers => {'If-None-Match' => scalar $poster->header('ETag')});
    expect($site, OPTIONS => $_, 204) for "/stream/videos/$EMPTY", '/stream/uploads/' . NOBODYS_UUID;
    my $upload = create_upload();
    expect($ann, PATCH => $upload->url, 204, Tus->chunk(0, substr $VIDEO, 0, 1000));
    expect($ann, GET => $upload->url, 200, %TUS);
    expect($ann, DELETE => $upload->url, 204, %TUS);
    expect($site, DELETE => '/scheduler/videos/' . new_video(), 200);
    expect($site, GET => $_, 200) for qw(/livez /readyz /metrics);
};

# The only token is released shortly after the response.
sub watch ($status, %headers) {
    $site->soon(sub { !$bucket->in_use }, 'the token is free');
    return expect($site, GET => "/stream/videos/$READY", $status, headers => \%headers);
}

sub create_upload () { return Tus->create($ann, new_video(), length $VIDEO) }

sub upload ($status, $body = $VIDEO, $who = $ann, $id = new_video()) {
    $site->soon(sub { !$bucket->in_use('upload') }, 'the token is free');
    return expect($who, POST => "/stream/videos/$id", $status, body => $body, headers => {'Content-Type' => 'video/mp4'});
}

subtest 'rejected requests' => sub {
    my $large = ' ' x 65_536 . '{}';
    my %wrong = (user_name => 'ann', pwd => 'not the password');
    my %change = (pwd => $PWD, old_pwd => $PWD);
    my ($nobody, $none) = map { "$_/" . NOBODYS_ID } '/api/users', '/api/videos';
    my $comment = new_comment($EMPTY);
    my %foreign = (headers => {'X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $ann->session, Origin => 'https://evil.example'});
    my @cases = (
        [$site, POST => '/api/users', json => {}, 400], [$site, POST => '/api/users', json => {user_name => 'ANN', pwd => $PWD}, 409],
        [$site, POST => '/api/users', body => $large, 413], [$site, POST => '/api/users', json => {}, %foreign, 403],
        [$site, GET => '/api/users/ann', 400], [$site, GET => $nobody, 404],
        [$site, GET => '/api/users/ann/videos', 400], [$site, GET => "$nobody/videos", 404],
        [$site, POST => '/api/sessions', json => {}, 400], [$site, POST => '/api/sessions', json => \%wrong, 401],
        [$site, POST => '/api/sessions', body => $large, 413], [$site, POST => '/api/sessions', json => {}, %foreign, 403],
        [$ann, PUT => "/api/users/$UID/password", json => {pwd => 'password', old_pwd => $PWD}, 400],
        [$ann, PUT => "/api/users/$UID/password", json => {pwd => $PWD, old_pwd => 'x'}, 401],
        [$bob, PUT => "/api/users/$UID/password", json => \%change, 403], [$ann, PUT => "$nobody/password", json => \%change, 404],
        [$ann, PUT => "/api/users/$UID/password", body => $large, 413],
        [$ann, GET => '/api/sessions?limit=x', 400], [$site, GET => '/api/sessions', 401],
        [$site, DELETE => '/api/sessions', 401], [$ann, DELETE => '/api/sessions', %foreign, 403],
        [$ann, DELETE => '/api/sessions/x', 400], [$site, DELETE => '/api/sessions/' . NOBODYS_UUID, 401],
        [$ann, DELETE => '/api/sessions/' . NOBODYS_UUID, %foreign, 403], [$ann, DELETE => '/api/sessions/' . NOBODYS_UUID, 404],
        [$site, GET => '/api/videos?cursor=x', 400],
        [$ann, POST => '/api/videos', json => {}, 400], [$site, POST => '/api/videos', json => {}, 401],
        [$ann, POST => '/api/videos', json => {title => 'x', author_id => $bob->id}, 403],
        [$ann, POST => '/api/videos', json => {title => 'Other'}, headers => {'Idempotency-Key' => 'x'}, 409],
        [$ann, POST => '/api/videos', body => $large, 413],
        [$site, GET => '/api/videos/x', 400], [$site, GET => $none, 404],
        [$ann, PATCH => '/api/videos/x', json => {}, 400], [$site, PATCH => $none, json => {}, 401],
        [$bob, PATCH => "/api/videos/$EMPTY", json => {title => 'x'}, 403], [$ann, PATCH => $none, json => {title => 'x'}, 404],
        [$ann, PATCH => "/api/videos/$EMPTY", json => {title => 'x'}, headers => {'If-Match' => '"999"'}, 412],
        [$ann, PATCH => "/api/videos/$EMPTY", body => $large, 413],
        [$ann, DELETE => '/api/videos/x', 400], [$site, DELETE => $none, 401], [$bob, DELETE => "/api/videos/$EMPTY", 403],
        [$ann, DELETE => $none, 404], [$ann, DELETE => "/api/videos/$EMPTY", headers => {'If-Match' => '"999"'}, 412],
        [$site, GET => '/api/videos/x/comments', 400], [$site, GET => "$none/comments", 404],
        [$ann, POST => "/api/videos/$EMPTY/comments", json => {}, 400], [$site, POST => "/api/videos/$EMPTY/comments", json => {}, 401],
        [$ann, POST => "/api/videos/$EMPTY/comments", json => {content => 'x', author_id => $bob->id}, 403],
        [$ann, POST => "$none/comments", json => {content => 'x'}, 404],
        [$ann, POST => "/api/videos/$EMPTY/comments", json => {content => 'x'}, headers => {'Idempotency-Key' => 'x'}, 409],
        [$ann, POST => "/api/videos/$EMPTY/comments", body => $large, 413],
        [$ann, DELETE => "/api/videos/$EMPTY/comments/x", 400], [$site, DELETE => "/api/videos/$EMPTY/comments/$comment", 401],
        [$site->user('dora'), DELETE => "/api/videos/$EMPTY/comments/$comment", 403],
        [$ann, DELETE => "/api/videos/$EMPTY/comments/" . NOBODYS_UUID, 404],
        [$site, GET => '/stream/videos/x', 400], [$site, GET => "/stream/videos/$EMPTY", 404],
        [$site, GET => '/stream/videos/x/poster', 400], [$site, GET => "/stream/videos/$EMPTY/poster", 404],
        [$ann, PUT => "/stream/videos/$EMPTY/poster", body => '', 400], [$site, PUT => "/stream/videos/$EMPTY/poster", body => $POSTER, 401],
        [$bob, PUT => "/stream/videos/$EMPTY/poster", body => $POSTER, 403],
        [$ann, PUT => '/stream/videos/' . NOBODYS_ID . '/poster', body => $POSTER, 404],
        [$ann, PUT => "/stream/videos/$EMPTY/poster", body => 'x' x (512 * 1024 + 1), 413],
        [$ann, PUT => "/stream/videos/$EMPTY/poster", body => 'an image', 415],
        [$site, DELETE => '/scheduler/videos/x', 400], [$site, DELETE => "/scheduler/videos/$EMPTY", from => '127.0.0.2', 403],
        [$site, GET => '/metrics', from => '127.0.0.2', 403],
    );
    for my $case (@cases) {
        my ($who, $method, $address, @options) = @$case;
        my $status = pop @options;
        expect($who, $method, $address, $status, @options);
    }
    my $upload = create_upload();
    my ($at, $no_upload) = ($upload->url, '/stream/uploads/' . NOBODYS_UUID);
    my @chunk = Tus->chunk(0, 'x' x 1000);
    for my $case (
        [$ann,  '/stream/uploads/x', 400, @chunk], [$site, $at, 401, @chunk], [$bob, $at, 403, @chunk], [$ann, $no_upload, 404, @chunk],
        [$ann,  $at, 409, Tus->chunk(1, 'x')], [$ann, $at, 412, Tus->chunk(0, 'x', 'Tus-Resumable' => '2.0.0')],
        [$ann,  $at, 413, Tus->chunk(0, $VIDEO . 'x')], [$ann, $at, 415, Tus->chunk(0, 'x', 'Content-Type' => 'video/mp4')],
        [$ann,  $at, 460, Tus->chunk(0, 'x', 'Upload-Checksum' => Tus::sha1('y'))],
    ) {
        my ($who, $address, $status, @options) = @$case;
        expect($who, PATCH => $address, $status, @options);
    }
    for my $method (qw(GET DELETE)) {
        expect($ann, $method => '/stream/uploads/x', 400, %TUS);
        expect($site, $method => $at, 401, %TUS);
        expect($bob, $method => $at, 403, %TUS);
        expect($ann, $method => $no_upload, 404, %TUS);
        expect($ann, $method => $at, 412);
    }
    my %creation = ('Tus-Resumable' => '1.0.0', 'Upload-Length' => length $VIDEO, 'Content-Type' => Tus::CHUNK_TYPE);
    expect($ann, POST => "/stream/videos/$EMPTY", 412, body => '', headers => {%creation, 'Tus-Resumable' => '2.0.0'});
    expect($ann, POST => "/stream/videos/$EMPTY", 460, body => 'x', headers => {%creation, 'Upload-Checksum' => Tus::sha1('y')});
    upload(400, '');
    upload(401, $VIDEO, $site);
    upload(403, $VIDEO, $bob);
    upload(404, $VIDEO, $ann, NOBODYS_ID);
    upload(413, 'x' x (9 * 1024 * 1024 + 1));
    upload(415, 'Once upon a time');
    upload(507, 'x' x (3 * 1024 * 1024), $bob, $LARGE);
};

subtest 'requests while all tokens are in use' => sub {
    my $upload = create_upload();
    my $viewer = $site->open('GET', "/stream/videos/$LARGE", buffer => 4096);
    $site->soon(sub { $bucket->in_use }, 'a stream holds the token');
    expect($site, GET => "/stream/videos/$READY", 429);
    $viewer->close;
    my $uploader = $ann->open('POST', '/stream/videos/' . new_video(), body => '', headers => {'Content-Length' => 1000});
    $site->soon(sub { $bucket->in_use('upload') }, 'an upload holds the token');
    expect($ann, PATCH => $upload->url, 429, Tus->chunk(0, 'x'));
    expect($ann, PUT => "/stream/videos/$EMPTY/poster", 429, body => $POSTER);
    expect($ann, POST => "/stream/videos/$EMPTY", 429, body => $VIDEO, headers => {'Content-Type' => 'video/mp4'});
    $uploader->close;
};

subtest 'a request while another one has the upload open' => sub {
    my $upload = create_upload();
    $upload->patch(0, substr $VIDEO, 0, 1000)->is(204);
    open my $file, '+<', "$site->{media}/incoming/${\$upload->id}" or die "cannot open an upload: $!\n";
    flock $file, LOCK_EX or die "cannot lock an upload: $!\n";
    expect($ann, DELETE => $upload->url, 409, %TUS);
    close $file;
};

subtest 'requests while the disk is nearly full' => sub {
    my $url = create_upload()->url;
    $site->stop(keep => 1);
    $site = Site->start(%SETTINGS, folder => $site->folder, VS_DISK_HEADROOM_BYTES => '1024T');
    ($ann, $bob) = map { $site->user($_) } qw(ann bob);
    expect($ann, PATCH => $url, 507, Tus->chunk(0, 'x'));
    expect($ann, PUT => "/stream/videos/$EMPTY/poster", 507, body => $POSTER);
};

subtest 'requests after too many attempts from one address' => sub {
    my %there = (from => '127.0.0.2');
    my %wrong = (user_name => 'ann', pwd => 'not the password');
    $site->request(POST => '/api/sessions', %there, json => \%wrong) for 1 .. 3;
    expect($site, POST => '/api/sessions', 429, %there, json => \%wrong);
    expect($ann, PUT => "/api/users/$UID/password", 429, %there, json => {pwd => $PWD, old_pwd => $PWD});
    $site->request(POST => '/api/users', %there, json => {user_name => 'ann', pwd => $PWD}) for 1 .. 30;
    expect($site, POST => '/api/users', 429, %there, json => {user_name => 'late', pwd => $PWD});
};

# Every operation, with a request that passes all checks made before the database is queried.
my @all = (
    [$site, POST => '/api/users', json => {user_name => 'late', pwd => $PWD}], [$site, GET => "/api/users/$UID"],
    [$site, GET => "/api/users/$UID/videos"], [$site, POST => '/api/sessions', json => {user_name => 'ann', pwd => $PWD}],
    [$ann, PUT => "/api/users/$UID/password", json => {pwd => $PWD, old_pwd => $PWD}],
    [$ann, GET => '/api/sessions'], [$ann, DELETE => '/api/sessions'], [$ann, DELETE => '/api/sessions/' . NOBODYS_UUID],
    [$site, GET => '/api/videos'], [$ann, POST => '/api/videos', json => {title => 'x'}], [$site, GET => "/api/videos/$READY"],
    [$ann, PATCH => "/api/videos/$READY", json => {title => 'x'}], [$ann, DELETE => "/api/videos/$READY"],
    [$site, GET => "/api/videos/$READY/comments"], [$ann, POST => "/api/videos/$READY/comments", json => {content => 'x'}],
    [$ann, DELETE => "/api/videos/$READY/comments/" . NOBODYS_UUID],
    [$site, GET => "/stream/videos/$READY/poster"], [$ann, PUT => "/stream/videos/$READY/poster", body => $POSTER],
    [$ann, GET => "/stream/videos/$READY"], [$ann, POST => "/stream/videos/$READY", body => $VIDEO],
    [$ann, GET => '/stream/uploads/' . NOBODYS_UUID, %TUS], [$ann, DELETE => '/stream/uploads/' . NOBODYS_UUID, %TUS],
    [$ann, PATCH => '/stream/uploads/' . NOBODYS_UUID, Tus->chunk(0, 'x')],
    [$site, DELETE => "/scheduler/videos/$READY"],
);

subtest 'requests while the database rejects statements' => sub {
    $site->expect_log(qr/permission denied for table/);
    $cluster->sql('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM video_api, video_stream, video_scheduler', Cluster::DATABASE);
    for my $case (@all) {
        my ($who, $method, $address, @options) = @$case;
        expect($who, $method, $address, 500, @options);
    }
};

subtest 'requests without a database' => sub {
    $site->expect_log(qr/.*/);
    $cluster->down;
    for my $case (@all) {
        my ($who, $method, $address, @options) = @$case;
        expect($who, $method, $address, 503, @options);
    }
    expect($site, GET => '/readyz', 503);
    $cluster->up;
};

# --- coverage and validation

subtest 'coverage' => sub {
    my (%seen, %documented);
    $seen{uc "$_->{method} $_->{path}: $_->{status}"} = 1 for @responses;
    for my $path (keys %{$document->{paths}}) {
        for my $method (keys %{$document->{paths}{$path}}) {
            $documented{uc "$method $path: $_"} = 1 for keys %{$document->{paths}{$path}{$method}{responses}};
        }
    }
    is_deeply [grep { !$seen{$_} } sort keys %documented], [], 'every documented status of every operation has been seen';
};

subtest 'validation' => sub {
    my $pid = open2(my $out, my $in, "$TREE/t/lib/check-openapi");
    print {$in} $JSON->encode({document => $document, answers => \@responses});
    close $in;
    my @wrong = <$out>;
    waitpid $pid, 0;
    is $?, 0, 'the checker succeeds';
    is join('', @wrong), '', 'the document and all responses are valid';
    cmp_ok scalar @responses, '>', 100, @responses . ' responses were checked';
};

done_testing;
