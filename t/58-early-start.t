# What has arrived of a film is handed to the disk before the rest is there, and nobody waits for that.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Faults;
use Site;

use constant {
    FILM     => 12 * 1024 * 1024,
    PATIENCE => 30,
};

my $faults = Faults->new;
my $site = Site->start(build => Faults::build(), VS_FAULT_DIR => $faults->folder);
my $ann = $site->user('ann');
my $video = $ann->post('/api/videos', {title => 'A film'})->json->{id};
my $film = Site::Media::content('mp4', FILM);

$faults->hold_at('before_writeback');
my $upload = $ann->open('POST', "/stream/videos/$video", body => substr($film, 0, -1), headers => {'Content-Length' => FILM});
$site->soon(sub { $faults->is_held('before_writeback') }, 'the disk is to begin with a film of which the end is missing', PATIENCE);
$upload->send(substr $film, -1);
like $upload->answer('POST', PATIENCE), qr{^HTTP/1\.1 201}, 'a disk that takes its time to begin keeps nobody waiting';
$upload->close;
$faults->go_on('before_writeback');
$site->get("/stream/videos/$video")->body_is($film, 'and it is the film');

done_testing;
