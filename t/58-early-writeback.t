# Write-back of a video file starts while it is still arriving, and the upload does not wait for it. A form
# whose worker dies or whose client disconnects leaves no files.

use v5.36;
use File::Glob qw(:bsd_glob);    # paths may have spaces
use FindBin;
use lib "$FindBin::Bin/lib";

use Faults;
use Site;

use constant {
    SIZE    => 12 * 1024 * 1024,
    TIMEOUT => 30,    # seconds
};

my $HEAD = qq{--between\r\nContent-Disposition: form-data; name="file"; filename="video.mp4"\r\n\r\n};
my $END  = "\r\n--between--\r\n";

my $faults = Faults->new;
my $site = Site->start(build => Faults::build(), FAULT_DIR => $faults->folder);
my $ann = $site->user('ann');
my $video = $ann->post('/api/videos', {title => 'A video'})->json->{id};
my $file = Site::Media::content('mp4', SIZE);

# Starts to upload a form and sends all but its last byte.
sub begin_form () {
    my $size = length($HEAD) + length($file) + length($END);
    return $ann->open('POST', "/stream/videos/$video", body => $HEAD . $file . substr($END, 0, -1),
        headers => {'Content-Length' => $size, 'Content-Type' => 'multipart/form-data; boundary=between'});
}

sub incoming () { return my @files = glob "$site->{media}/incoming/*" }

subtest 'write-back starts before the upload is complete' => sub {
    $faults->hold_at('before_writeback');
    my $upload = $ann->open('POST', "/stream/videos/$video", body => substr($file, 0, -1), headers => {'Content-Length' => SIZE});
    $site->soon(sub { $faults->is_held('before_writeback') }, 'write-back starts while the last byte is missing', TIMEOUT);
    $upload->send(substr $file, -1);
    like $upload->answer('POST', TIMEOUT), qr{^HTTP/1\.1 201}, 'the upload does not wait for a slow disk';
    $upload->close;
    $faults->clear('before_writeback');
    $site->get("/stream/videos/$video")->body_is($file, 'the video file is complete');
};

subtest 'a worker dies while it extracts the file from a form' => sub {
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/\[error\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed)/);
    my $upload = begin_form();
    $faults->kill_at('half_copy');
    $upload->send(substr $END, -1);
    like $upload->answer('POST', TIMEOUT), qr{^HTTP/1\.1 503}, 'the client gets 503';
    $upload->close;
    $site->soon(sub { !incoming() }, 'neither the form nor the extracted file is left');
};

subtest 'the client disconnects during a form' => sub {
    my $upload = begin_form();
    $site->soon(sub { incoming() }, 'the form is being received', TIMEOUT);
    $upload->close;
    $site->soon(sub { !incoming() }, 'no incoming file is left', TIMEOUT);
};

done_testing;
