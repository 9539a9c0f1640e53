# The contract as an OpenAPI document: all routes are in it, and all that is in it is what the site really answers.

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
    LARGE_FILM   => 8 * 1024 * 1024,
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
my @answers;    # that the operations in the document gave

# --- asking

# The path in the document that an address belongs to.
sub documented ($address) {
    my $path = $address =~ s/\?.*//sr =~ s{(?<=.)/$}{}r;
    for my $template (sort keys %{$document->{paths}}) {
        my $pattern = join '[^/]+', map { quotemeta } split /\{\w+\}/, $template, -1;
        return $template if $path =~ /^$pattern$/;
    }
    return;
}

# Asks, and keeps the answer for the checks.
sub ask ($who, $method, $address, $status, %options) {
    my $response = $who->request($method, $address, %options)->is($status);
    my %headers = map { @$_ } @{$response->{headers}};
    cmp_ok scalar(grep { lc $_->[0] eq 'cache-control' } @{$response->{headers}}), '<=', 1, 'whether to keep it is said once';
    my $type = $headers{'content-type'} // '';
    push @answers, {
        name    => "$method $address: $status",
        path    => documented($address),
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
my $FILM = Site::Media::content('mp4');
my $PICTURE = "\xff\xd8\xff\xe0" . 'a JPEG';
my $UID  = $ann->id;
my $PWD  = Site::Actor::PASSWORD;

sub new_video ()      { return $ann->post('/api/videos', {title => 'New'})->json->{id} }
sub new_session ()    { return $site->user('ann') }
sub new_comment ($on) { return $bob->post("/api/videos/$on/comments", {content => 'So?'})->json->{id} }

my ($READY, $EMPTY) = (new_video(), new_video());
$ann->upload($READY, 'bunny.mp4')->is(201);
my $LARGE = $bob->post('/api/videos', {title => 'Large'})->json->{id};
$bob->post("/stream/videos/$LARGE", Site::Media::content('mp4', LARGE_FILM))->is(201);
my %TUS = (headers => {'Tus-Resumable' => '1.0.0'});
my $bucket = Bucket->new($site);

subtest 'the document is served' => sub {
    my $answer = ask($site, GET => '/api/openapi.json', 200);
    is $answer->body, read_file("$TREE/fcgi-api/openapi.json"), 'as it is in the tree';
    $answer->header_like('Cache-Control', qr/^public, max-age=\d+$/)->header_like('ETag', qr/^"\d+"$/);
    ask($site, GET => '/api/openapi.json/', 304, headers => {'If-None-Match' => scalar $answer->header('ETag')});
    ask($site, GET => '/api/openapi.json', 200, headers => {'If-None-Match' => '"1"'});
    $site->head('/api/openapi.json')->is(200)->body_is('');
};

subtest 'all routes are in it, and no others' => sub {
    my @routes;
    for my $program (qw(fcgi-api fcgi-stream scheduler)) {
        my $table = read_file("$TREE/$program/routes.c");
        push @routes, map { s/:(\w+)/{$1}/gr } grep { !/^GATE / } map { "$_->[0] $_->[1]" } _pairs($table =~ /\{METHOD_(\w+),\s*"([^"]+)"/g);
    }
    my @operations = map { my $path = $_; map { uc . " $path" } sort keys %{$document->{paths}{$path}} } sort keys %{$document->{paths}};
    is_deeply [sort @operations], [sort @routes], 'each route is an operation';
};

sub _pairs (@list) { return map { [@list[2 * $_, 2 * $_ + 1]] } 0 .. @list / 2 - 1 }

subtest 'what goes well' => sub {
    my %pwd = (pwd => $PWD);
    ask($site, POST => '/api/users', 201, json => {user_name => 'carl', %pwd});
    my $user = ask($site, GET => "/api/users/$UID", 200);
    ask($site, GET => "/api/users/$UID", 304, headers => {'If-None-Match' => scalar $user->header('ETag')});
    ask($site, GET => "/api/users/$UID/videos?limit=1", 200);
    ask($site, POST => '/api/sessions', 200, json => {user_name => 'carl', %pwd});
    my $erin = $site->user('erin');
    ask($erin, PUT => '/api/users/' . $erin->id . '/password', 204, json => {%pwd, old_pwd => $PWD});
    my $second = new_session();
    my ($current) = grep { $_->{current} } @{ask($second, GET => '/api/sessions/', 200)->json->{sessions}};
    ask($ann, DELETE => "/api/sessions/$current->{id}", 204);
    ask(new_session(), DELETE => '/api/sessions', 205);
    ask($site, GET => "/api/videos$_", 200) for '', '?limit=1', '?q=new', '?state=ready', '/';
    ask($ann, POST => '/api/videos', 201, json => {title => 'Bunny', description => "A\nrabbit"}, headers => {'Idempotency-Key' => 'x'});
    my $video = ask($site, GET => "/api/videos/$READY", 200);
    ask($site, GET => "/api/videos/$EMPTY", 200);
    ask($site, GET => "/api/videos/$READY", 304, headers => {'If-None-Match' => scalar $video->header('ETag')});
    ask($ann, PATCH => "/api/videos/$READY", 200, json => {title => 'Better'});
    ask($bob, POST => "/api/videos/$READY/comments", 201, json => {content => 'Nice.'});
    ask($site, GET => "/api/videos/$READY/comments", 200);
    ask($ann, DELETE => "/api/videos/$READY/comments/" . new_comment($READY), 204);
    ask($ann, DELETE => '/api/videos/' . new_video(), 204);
    my $film = watch(200);
    watch(206, Range => 'bytes=8-15');
    watch(304, 'If-None-Match' => scalar $film->header('ETag'));
    watch(416, Range => 'bytes=9999999-');
    upload(201);
    $site->soon(sub { !$bucket->in_use('upload') }, 'the token is there');
    ask($ann, PUT => "/stream/videos/$READY/poster", 201, body => $PICTURE);
    my $poster = ask($site, GET => "/stream/videos/$READY/poster", 200);
    ask($site, GET => "/stream/videos/$READY/poster", 304, headers => {'If-None-Match' => scalar $poster->header('ETag')});
    ask($site, OPTIONS => $_, 204) for "/stream/videos/$EMPTY", '/stream/uploads/' . NOBODYS_UUID;
    my $upload = begin_upload();
    ask($ann, PATCH => $upload->url, 204, Tus->chunk(0, substr $FILM, 0, 1000));
    ask($ann, GET => $upload->url, 200, %TUS);
    ask($ann, DELETE => $upload->url, 204, %TUS);
    ask($site, DELETE => '/scheduler/videos/' . new_video(), 200);
    ask($site, GET => $_, 200) for qw(/livez /readyz /metrics);
};

# There is one token, and it is back a moment after the answer.
sub watch ($status, %headers) {
    $site->soon(sub { !$bucket->in_use }, 'the token is there');
    return ask($site, GET => "/stream/videos/$READY", $status, headers => \%headers);
}

sub begin_upload () { return Tus->create($ann, new_video(), length $FILM) }

sub upload ($status, $body = $FILM, $who = $ann, $id = new_video()) {
    $site->soon(sub { !$bucket->in_use('upload') }, 'the token is there');
    return ask($who, POST => "/stream/videos/$id", $status, body => $body, headers => {'Content-Type' => 'video/mp4'});
}

subtest 'what is wrong with a request' => sub {
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
        [$ann, PUT => "/stream/videos/$EMPTY/poster", body => '', 400], [$site, PUT => "/stream/videos/$EMPTY/poster", body => $PICTURE, 401],
        [$bob, PUT => "/stream/videos/$EMPTY/poster", body => $PICTURE, 403],
        [$ann, PUT => '/stream/videos/' . NOBODYS_ID . '/poster', body => $PICTURE, 404],
        [$ann, PUT => "/stream/videos/$EMPTY/poster", body => 'x' x (512 * 1024 + 1), 413],
        [$ann, PUT => "/stream/videos/$EMPTY/poster", body => 'a picture', 415],
        [$site, DELETE => '/scheduler/videos/x', 400], [$site, DELETE => "/scheduler/videos/$EMPTY", from => '127.0.0.2', 403],
        [$site, GET => '/metrics', from => '127.0.0.2', 403],
    );
    for my $case (@cases) {
        my ($who, $method, $address, @options) = @$case;
        my $status = pop @options;
        ask($who, $method, $address, $status, @options);
    }
    my $upload = begin_upload();
    my ($at, $no_upload) = ($upload->url, '/stream/uploads/' . NOBODYS_UUID);
    my @piece = Tus->chunk(0, 'x' x 1000);
    for my $case (
        [$ann,  '/stream/uploads/x', 400, @piece], [$site, $at, 401, @piece], [$bob, $at, 403, @piece], [$ann, $no_upload, 404, @piece],
        [$ann,  $at, 409, Tus->chunk(1, 'x')], [$ann, $at, 412, Tus->chunk(0, 'x', 'Tus-Resumable' => '2.0.0')],
        [$ann,  $at, 413, Tus->chunk(0, $FILM . 'x')], [$ann, $at, 415, Tus->chunk(0, 'x', 'Content-Type' => 'video/mp4')],
        [$ann,  $at, 460, Tus->chunk(0, 'x', 'Upload-Checksum' => Tus::sha1('y'))],
    ) {
        my ($who, $address, $status, @options) = @$case;
        ask($who, PATCH => $address, $status, @options);
    }
    for my $method (qw(GET DELETE)) {
        ask($ann, $method => '/stream/uploads/x', 400, %TUS);
        ask($site, $method => $at, 401, %TUS);
        ask($bob, $method => $at, 403, %TUS);
        ask($ann, $method => $no_upload, 404, %TUS);
        ask($ann, $method => $at, 412);
    }
    my %begin = ('Tus-Resumable' => '1.0.0', 'Upload-Length' => length $FILM, 'Content-Type' => Tus::CHUNK_TYPE);
    ask($ann, POST => "/stream/videos/$EMPTY", 412, body => '', headers => {%begin, 'Tus-Resumable' => '2.0.0'});
    ask($ann, POST => "/stream/videos/$EMPTY", 460, body => 'x', headers => {%begin, 'Upload-Checksum' => Tus::sha1('y')});
    upload(400, '');
    upload(401, $FILM, $site);
    upload(403, $FILM, $bob);
    upload(404, $FILM, $ann, NOBODYS_ID);
    upload(413, 'x' x (9 * 1024 * 1024 + 1));
    upload(415, 'Once upon a time');
    upload(507, 'x' x (3 * 1024 * 1024), $bob, $LARGE);
};

subtest 'when all tokens are taken' => sub {
    my $upload = begin_upload();
    my $viewer = $site->open('GET', "/stream/videos/$LARGE", buffer => 4096);
    $site->soon(sub { $bucket->in_use }, 'somebody watches');
    ask($site, GET => "/stream/videos/$READY", 429);
    $viewer->close;
    my $uploader = $ann->open('POST', '/stream/videos/' . new_video(), body => '', headers => {'Content-Length' => 1000});
    $site->soon(sub { $bucket->in_use('upload') }, 'somebody uploads');
    ask($ann, PATCH => $upload->url, 429, Tus->chunk(0, 'x'));
    ask($ann, PUT => "/stream/videos/$EMPTY/poster", 429, body => $PICTURE);
    ask($ann, POST => "/stream/videos/$EMPTY", 429, body => $FILM, headers => {'Content-Type' => 'video/mp4'});
    $uploader->close;
};

subtest 'when another request has the upload open' => sub {
    my $upload = begin_upload();
    $upload->patch(0, substr $FILM, 0, 1000)->is(204);
    open my $file, '+<', "$site->{media}/incoming/${\$upload->id}" or die "cannot open an upload: $!\n";
    flock $file, LOCK_EX or die "cannot lock an upload: $!\n";
    ask($ann, DELETE => $upload->url, 409, %TUS);
    close $file;
};

subtest 'when the disk is nearly full' => sub {
    my $url = begin_upload()->url;
    $site->stop(keep => 1);
    $site = Site->start(%SETTINGS, folder => $site->folder, VS_DISK_HEADROOM_BYTES => '1024T');
    ($ann, $bob) = map { $site->user($_) } qw(ann bob);
    ask($ann, PATCH => $url, 507, Tus->chunk(0, 'x'));
    ask($ann, PUT => "/stream/videos/$EMPTY/poster", 507, body => $PICTURE);
};

subtest 'after too many attempts from one address' => sub {
    my %there = (from => '127.0.0.2');
    my %wrong = (user_name => 'ann', pwd => 'not the password');
    $site->request(POST => '/api/sessions', %there, json => \%wrong) for 1 .. 3;
    ask($site, POST => '/api/sessions', 429, %there, json => \%wrong);
    ask($ann, PUT => "/api/users/$UID/password", 429, %there, json => {pwd => $PWD, old_pwd => $PWD});
    $site->request(POST => '/api/users', %there, json => {user_name => 'ann', pwd => $PWD}) for 1 .. 30;
    ask($site, POST => '/api/users', 429, %there, json => {user_name => 'late', pwd => $PWD});
};

# Every operation, with what it takes to get past the checks that come before the database.
my @all = (
    [$site, POST => '/api/users', json => {user_name => 'late', pwd => $PWD}], [$site, GET => "/api/users/$UID"],
    [$site, GET => "/api/users/$UID/videos"], [$site, POST => '/api/sessions', json => {user_name => 'ann', pwd => $PWD}],
    [$ann, PUT => "/api/users/$UID/password", json => {pwd => $PWD, old_pwd => $PWD}],
    [$ann, GET => '/api/sessions'], [$ann, DELETE => '/api/sessions'], [$ann, DELETE => '/api/sessions/' . NOBODYS_UUID],
    [$site, GET => '/api/videos'], [$ann, POST => '/api/videos', json => {title => 'x'}], [$site, GET => "/api/videos/$READY"],
    [$ann, PATCH => "/api/videos/$READY", json => {title => 'x'}], [$ann, DELETE => "/api/videos/$READY"],
    [$site, GET => "/api/videos/$READY/comments"], [$ann, POST => "/api/videos/$READY/comments", json => {content => 'x'}],
    [$ann, DELETE => "/api/videos/$READY/comments/" . NOBODYS_UUID],
    [$site, GET => "/stream/videos/$READY/poster"], [$ann, PUT => "/stream/videos/$READY/poster", body => $PICTURE],
    [$ann, GET => "/stream/videos/$READY"], [$ann, POST => "/stream/videos/$READY", body => $FILM],
    [$ann, GET => '/stream/uploads/' . NOBODYS_UUID, %TUS], [$ann, DELETE => '/stream/uploads/' . NOBODYS_UUID, %TUS],
    [$ann, PATCH => '/stream/uploads/' . NOBODYS_UUID, Tus->chunk(0, 'x')],
    [$site, DELETE => "/scheduler/videos/$READY"],
);

subtest 'when the database refuses' => sub {
    $site->expect_log(qr/permission denied for table/);
    $cluster->sql('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM video_api, video_stream, video_scheduler', Cluster::DATABASE);
    for my $case (@all) {
        my ($who, $method, $address, @options) = @$case;
        ask($who, $method, $address, 500, @options);
    }
};

subtest 'when there is no database' => sub {
    $site->expect_log(qr/.*/);
    $cluster->down;
    for my $case (@all) {
        my ($who, $method, $address, @options) = @$case;
        ask($who, $method, $address, 503, @options);
    }
    ask($site, GET => '/readyz', 503);
    $cluster->up;
};

# --- what all of that comes to

subtest 'each status of each operation' => sub {
    my (%seen, %written);
    $seen{uc "$_->{method} $_->{path}: $_->{status}"} = 1 for @answers;
    for my $path (keys %{$document->{paths}}) {
        for my $method (keys %{$document->{paths}{$path}}) {
            $written{uc "$method $path: $_"} = 1 for keys %{$document->{paths}{$path}{$method}{responses}};
        }
    }
    is_deeply [grep { !$seen{$_} } sort keys %written], [], 'has been seen';
};

subtest 'the document and the answers' => sub {
    my $pid = open2(my $out, my $in, "$TREE/t/lib/check-openapi");
    print {$in} $JSON->encode({document => $document, answers => \@answers});
    close $in;
    my @wrong = <$out>;
    waitpid $pid, 0;
    is $?, 0, 'are checked';
    is join('', @wrong), '', 'and are right';
    cmp_ok scalar @answers, '>', 100, 'of ' . @answers . ' answers';
};

done_testing;
