# Clients of others upload over connections that break, and what arrives is what they had.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Cutter;
use Digest::SHA ();
use File::Copy  ();
use File::Path  ();
use File::Temp  ();
use Site;
use Site::Port;
use Tus;

use constant FILM => 3_000_000;

my $clients = "$FindBin::Bin/clients";
my $folder = File::Temp->newdir;
my $film = Site::Media::path($folder, 'film.mp4', FILM);
my $sha256 = Digest::SHA->new(256)->addfile($film)->hexdigest;
my $http2 = Site::Port::free();
my $site = Site->start(VS_HTTP2_PORT => $http2);
my $ann = $site->user('ann');
my @session = ('-H', 'X-Session-Id: ' . $ann->session);

sub add () { return $ann->post('/api/videos', {title => 'A film'})->json->{id} }

sub url ($video, $port = $site->port) { return "http://127.0.0.1:$port/stream/videos/$video" }

# What a command prints; undef when it fails.
sub output (@command) {
    open my $pipe, '-|', @command or die "cannot run $command[0]: $!\n";
    my $output = do { local $/; <$pipe> } // '';
    return close($pipe) ? $output : undef;
}

sub curl (@arguments) { return output('curl', '-s', @session, '-w', "\n%{http_code}", @arguments) }

sub is_stored ($video, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(Digest::SHA::sha256_hex($site->get("/stream/videos/$video")->body), $sha256, "$name: the film is the same");
}

subtest 'curl' => sub {
    my @cases = (
        ['a form',     '-F', "file=\@$film"],
        ['raw',        '--data-binary', "\@$film"],
        ['a transfer', '-X', 'POST', '-T', $film],
        ['in chunks',  '-X', 'POST', '-H', 'Transfer-Encoding: chunked', '-T', $film],
    );
    for my $case (@cases) {
        my ($name, @arguments) = @$case;
        my $video = add();
        like curl(@arguments, url($video)), qr/\n201\z/, $name;
        is_stored($video, $name);
        next if $name eq 'in chunks';    # which HTTP/2 does not know
        $video = add();
        like curl('--http2-prior-knowledge', @arguments, url($video, $http2)), qr/\n201\z/, "$name, over HTTP/2";
        is_stored($video, "$name, over HTTP/2");
    }
};

subtest 'curl, resumed' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, FILM);
    my $cutter = Cutter->start($site->port, 400_000, 900_000, 600_000);
    my ($at, $cuts) = (0, 0);
    while ($at < FILM && $cuts < 10) {
        my $rest = "$folder/rest";
        is system('sh', '-c', 'tail -c +$(($1 + 1)) "$2" > "$3"', 'sh', $at, $film, $rest), 0, "from $at on";
        my $answer = curl('-X', 'PATCH', '-H', 'Expect:', '-H', 'Tus-Resumable: 1.0.0', '-H', "Upload-Offset: $at",
            '-H', 'Content-Type: ' . Tus::CHUNK_TYPE, '--data-binary', "\@$rest",
            'http://127.0.0.1:' . $cutter->port . $upload->url);
        last if defined $answer && $answer =~ /\n204\z/;
        $cuts++;
        $site->soon(sub { $upload->offset > $at }, 'the connection breaks, and the upload is further all the same');
        $at = $upload->offset;
    }
    is $cuts, 3, 'as often as it was to';
    is_stored($video, 'curl, resumed');
    $cutter->stop;
};

# Uploads through a network that breaks three times. The command is told the address.
sub through_breaks ($name, @command) {
    my $video = add();
    my $cutter = Cutter->start($site->port, 400_000, 900_000, 600_000);
    my $output = output(map { ref ? url($video, $cutter->port) : $_ } @command) // 'it failed';
    is $output, "retries=3\n", "$name ends well, after three breaks";
    is_stored($video, $name);
    $cutter->stop;
    return;
}

# The folder of the packages that the JavaScript client needs.
sub modules () {
    my $build = ($ENV{VS_BUILD} // 'build') . '/clients';
    $build = "$FindBin::Bin/../$build" if $build !~ m{^/};
    return "$build/node_modules" if -e "$build/node_modules/tus-js-client/package.json";
    File::Path::make_path($build);
    File::Copy::copy("$clients/$_", "$build/$_") for 'package.json', 'package-lock.json';
    return system("npm ci --prefix '$build' --no-audit --no-fund --ignore-scripts >&2") == 0 ? "$build/node_modules" : undef;
}

subtest 'tus-js-client' => sub {
    plan skip_all => 'there is no npm' if !grep { -x "$_/npm" } split /:/, $ENV{PATH};
    my $modules = modules();
    ok defined $modules, 'is installed' or return;
    through_breaks('tus-js-client', 'node', "$clients/upload.js", $modules, \'url', $film, $ann->session);
};

# Debian puts it where its own Python looks for it.
subtest 'tuspy' => sub {
    through_breaks('tuspy', '/usr/bin/python3', "$clients/upload.py", \'url', $film, $ann->session);
};

done_testing;
