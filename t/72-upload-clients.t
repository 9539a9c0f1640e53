# Third-party clients upload over unreliable connections, and the stored video equals the uploaded file.

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

use constant SIZE => 3_000_000;

my $clients = "$FindBin::Bin/clients";
my $folder = File::Temp->newdir;
my $file = Site::Media::path($folder, 'video.mp4', SIZE);
my $sha256 = Digest::SHA->new(256)->addfile($file)->hexdigest;
my $http2 = Site::Port::free();
my $site = Site->start(VS_HTTP2_PORT => $http2);
my $ann = $site->user('ann');
my @session = ('-H', 'X-Session-Id: ' . $ann->session);

sub add_video () { return $ann->post('/api/videos', {title => 'A video'})->json->{id} }

sub url ($video, $port = $site->port) { return "http://127.0.0.1:$port/stream/videos/$video" }

# The output of a command; undef if it fails.
sub output (@command) {
    open my $pipe, '-|', @command or die "cannot run $command[0]: $!\n";
    my $output = do { local $/; <$pipe> } // '';
    return close($pipe) ? $output : undef;
}

sub curl (@arguments) { return output('curl', '-s', @session, '-w', "\n%{http_code}", @arguments) }

sub is_stored ($video, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(Digest::SHA::sha256_hex($site->get("/stream/videos/$video")->body), $sha256, "$name: the stored video equals the uploaded file");
}

subtest 'curl uploads a file in every supported way' => sub {
    my @cases = (
        ['curl, a form',           '-F', "file=\@$file"],
        ['curl, a raw body',       '--data-binary', "\@$file"],
        ['curl, a file transfer',  '-X', 'POST', '-T', $file],
        ['curl, chunked encoding', '-X', 'POST', '-H', 'Transfer-Encoding: chunked', '-T', $file],
    );
    for my $case (@cases) {
        my ($name, @arguments) = @$case;
        my $video = add_video();
        like curl(@arguments, url($video)), qr/\n201\z/, "$name returns 201";
        is_stored($video, $name);
        next if $name eq 'curl, chunked encoding';    # HTTP/2 has no chunked encoding
        $video = add_video();
        like curl('--http2-prior-knowledge', @arguments, url($video, $http2)), qr/\n201\z/, "$name, over HTTP/2, returns 201";
        is_stored($video, "$name, over HTTP/2");
    }
};

subtest 'curl resumes an upload after each interruption' => sub {
    my $video = add_video();
    my $upload = Tus->create($ann, $video, SIZE);
    my $cutter = Cutter->start($site->port, 400_000, 900_000, 600_000);
    my ($at, $cuts) = (0, 0);
    while ($at < SIZE && $cuts < 10) {
        my $rest = "$folder/rest";
        is system('sh', '-c', 'tail -c +$(($1 + 1)) "$2" > "$3"', 'sh', $at, $file, $rest), 0, "the rest from byte $at on is written to a file";
        my $answer = curl('-X', 'PATCH', '-H', 'Expect:', '-H', 'Tus-Resumable: 1.0.0', '-H', "Upload-Offset: $at",
            '-H', 'Content-Type: ' . Tus::CHUNK_TYPE, '--data-binary', "\@$rest",
            'http://127.0.0.1:' . $cutter->port . $upload->url);
        last if defined $answer && $answer =~ /\n204\z/;
        $cuts++;
        $site->soon(sub { $upload->offset > $at }, 'the received bytes are kept when the connection breaks');
        $at = $upload->offset;
    }
    is $cuts, 3, 'the connection has been interrupted three times';
    is_stored($video, 'curl with resumed upload');
    $cutter->stop;
};

# Uploads over a network that breaks three times. \'url' in the command stands for the URL.
sub uploads_despite_interruptions ($name, @command) {
    my $video = add_video();
    my $cutter = Cutter->start($site->port, 400_000, 900_000, 600_000);
    my $output = output(map { ref ? url($video, $cutter->port) : $_ } @command) // 'the command failed';
    is $output, "retries=3\n", "$name succeeds after three interruptions";
    is_stored($video, $name);
    $cutter->stop;
    return;
}

# The folder with the packages of the JavaScript client; undef if they cannot be installed.
sub modules () {
    my $build = ($ENV{VS_BUILD} // 'build') . '/clients';
    $build = "$FindBin::Bin/../$build" if $build !~ m{^/};
    return "$build/node_modules" if -e "$build/node_modules/tus-js-client/package.json";
    File::Path::make_path($build);
    File::Copy::copy("$clients/$_", "$build/$_") for 'package.json', 'package-lock.json';
    return system("npm ci --prefix '$build' --no-audit --no-fund --ignore-scripts >&2") == 0 ? "$build/node_modules" : undef;
}

subtest 'tus-js-client resumes an interrupted upload' => sub {
    plan skip_all => 'npm is not installed' if !grep { -x "$_/npm" } split /:/, $ENV{PATH};
    my $modules = modules();
    ok defined $modules, 'tus-js-client is installed' or return;
    uploads_despite_interruptions('tus-js-client', 'node', "$clients/upload.js", $modules, \'url', $file, $ann->session);
};

# Debian installs tuspy for its own Python.
subtest 'tuspy resumes an interrupted upload' => sub {
    uploads_despite_interruptions('tuspy', '/usr/bin/python3', "$clients/upload.py", \'url', $file, $ann->session);
};

done_testing;
