# Third-party clients upload through a network that drops connections. The stored file
# must be identical to the original.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Cutter;
use Digest::SHA ();
use File::Temp  ();
use NodeModules;
use Site;
use Site::Port;
use Tus;

use constant FILE_BYTES => 3_000_000;

my $clients = "$FindBin::Bin/clients";
my $folder = File::Temp->newdir;
my $file = Site::Media::path($folder, 'video.mp4', FILE_BYTES);
my $sha256 = Digest::SHA->new(256)->addfile($file)->hexdigest;
my $http2 = Site::Port::free();
my $site = Site->start(VS_HTTP2_PORT => $http2);
my $ann = $site->user('ann');
my @session = ('-H', 'X-Session-Id: ' . $ann->session);

sub add () { return $ann->post('/api/videos', {title => 'A video'})->json->{id} }

sub url ($video, $port = $site->port) { return "http://127.0.0.1:$port/stream/videos/$video" }

# The standard output of a command; undef when it fails.
sub output (@command) {
    open my $pipe, '-|', @command or die "cannot run $command[0]: $!\n";
    my $output = do { local $/; <$pipe> } // '';
    return close($pipe) ? $output : undef;
}

sub curl (@arguments) { return output('curl', '-s', @session, '-w', "\n%{http_code}", @arguments) }

sub is_stored ($video, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(Digest::SHA::sha256_hex($site->get("/stream/videos/$video")->body), $sha256, "$name: the stored file is identical");
}

subtest 'curl' => sub {
    my @cases = (
        ['multipart form', '-F', "file=\@$file"],
        ['raw body',       '--data-binary', "\@$file"],
        ['upload (-T)',    '-X', 'POST', '-T', $file],
        ['chunked',        '-X', 'POST', '-H', 'Transfer-Encoding: chunked', '-T', $file],
    );
    for my $case (@cases) {
        my ($name, @arguments) = @$case;
        my $video = add();
        like curl(@arguments, url($video)), qr/\n201\z/, "$name: 201";
        is_stored($video, $name);
        next if $name eq 'chunked';    # HTTP/2 has no chunked encoding
        $video = add();
        like curl('--http2-prior-knowledge', @arguments, url($video, $http2)), qr/\n201\z/, "$name over HTTP/2: 201";
        is_stored($video, "$name over HTTP/2");
    }
};

subtest 'curl, resuming' => sub {
    my $video = add();
    my $upload = Tus->create($ann, $video, FILE_BYTES);
    my $cutter = Cutter->start($site->port, 400_000, 900_000, 600_000);
    my ($offset, $cuts) = (0, 0);
    while ($offset < FILE_BYTES && $cuts < 10) {
        my $rest = "$folder/rest";
        is system('sh', '-c', 'tail -c +$(($1 + 1)) "$2" > "$3"', 'sh', $offset, $file, $rest), 0, "the rest from $offset is cut out";
        my $answer = curl('-X', 'PATCH', '-H', 'Expect:', '-H', 'Tus-Resumable: 1.0.0', '-H', "Upload-Offset: $offset",
            '-H', 'Content-Type: ' . Tus::CHUNK_TYPE, '--data-binary', "\@$rest",
            'http://127.0.0.1:' . $cutter->port . $upload->url);
        last if defined $answer && $answer =~ /\n204\z/;
        $cuts++;
        $site->soon(sub { $upload->offset > $offset }, 'the bytes sent before the connection broke are kept');
        $offset = $upload->offset;
    }
    is $cuts, 3, 'the connection broke three times';
    is_stored($video, 'curl, resuming');
    $cutter->stop;
};

# Runs an upload command through a network that drops three connections. A reference in
# the command stands for the URL.
sub through_breaks ($name, @command) {
    my $video = add();
    my $cutter = Cutter->start($site->port, 400_000, 900_000, 600_000);
    my $output = output(map { ref ? url($video, $cutter->port) : $_ } @command) // 'the command failed';
    is $output, "retries=3\n", "$name succeeds after three retries";
    is_stored($video, $name);
    $cutter->stop;
    return;
}

subtest 'tus-js-client' => sub {
    my $modules = eval { NodeModules::install($clients) };
    ok defined $modules, 'tus-js-client is installed' or return diag $@;
    through_breaks('tus-js-client', 'node', "$clients/upload.js", $modules, \'url', $file, $ann->session);
};

# Debian's package installs tuspy for the system Python.
subtest 'tuspy' => sub {
    through_breaks('tuspy', '/usr/bin/python3', "$clients/upload.py", \'url', $file, $ann->session);
};

done_testing;
