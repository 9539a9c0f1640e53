package Troubles;

# The website's error states: something is rejected, full, missing, or the server is down. The tests check
# them as they check ordinary pages.
#
#   my $troubles = Troubles->prepare($playable_video);
#   $troubles->visit(sub ($site) { Browser->start($site) }, sub ($browser, $name) { ... });

use v5.36;
use utf8;

use Bucket;
use Gallery;
use Site;

use constant {
    LARGEST => 40_000_000,
    WATCHED => 30_000_000,
    TOKENS  => 1,
    QUOTA   => 3,             # the number of ann's videos in the gallery
    SLOW    => 100_000,       # bytes per second
};

my $LONG_NAME = 'Wxyz' x 10;

# Fills two sites. video: the path of a video that browsers can play.
sub prepare ($class, $video) {
    my $site = Site->start(VS_MAX_UPLOAD_BYTES => LARGEST, VS_STREAM_TOKENS => TOKENS, VS_USER_QUOTA_VIDEOS => QUOTA);
    my $self = bless {
        site    => $site,
        gallery => Gallery::fill($site, $video),
        video   => $video,
        notes   => _file($site, 'notes.mp4', 'no video ' x 100),
        large   => Site::Media::path($site->folder, 'large.mp4', LARGEST + 1),
        empty   => Site->start(VS_DISK_HEADROOM_BYTES => '1024T'),
    }, $class;
    my $zoe = $site->user($LONG_NAME);
    $self->{long_video} = '/videos/' . $zoe->post('/api/videos', {title => 'Longword' x 25, description => 'x' x 300})->json->{id};
    $zoe->upload($self->{long_video} =~ s{/videos/}{}r, $video)->is(201);
    $self->{watched} = $zoe->post('/api/videos', {title => 'Watched'})->json->{id};
    $zoe->upload($self->{watched}, Site::Media::path($site->folder, 'watched.mp4', WATCHED))->is(201);
    $zoe->post("/api$self->{long_video}/comments", {content => 'Nowordbreak' x 60});
    $self->{long_user} = '/users/' . $zoe->id;
    $self->{empty}->user('ann', Gallery::PASSWORD);
    $site->expect_log(qr/client intended to send too large body/);
    return $self;
}

sub _file ($site, $name, $content) {
    my $path = $site->folder . "/$name";
    open my $file, '>:raw', $path or die "cannot write $path: $!\n";
    print {$file} $content;
    close $file or die "cannot write $path: $!\n";
    return $path;
}

# Visits all error states with browsers from $start->($site), and calls $check->($browser, $name) at each.
sub visit ($self, $start, $check) {
    my $browser = $start->($self->{site});
    $browser->expect_console(qr/status of (?:40[134]|409|413|415|429|503|507)|ERR_INTERNET_DISCONNECTED/);
    my $see = sub ($text, $name) { $check->($browser->sees($text), $name) };
    $self->_visit_logged_out($browser, $check, $see);
    $self->_visit_logged_in($browser, $see);
    $browser->stop;
    $browser = $start->($self->{empty});
    $browser->go('/')->sees('There are no videos yet.');
    $check->($browser, 'home-empty');
    Gallery::log_in($browser);
    $self->_send($browser, $self->{video})->sees('Not enough storage: ');
    $check->($browser, 'upload-disk-full');
    $browser->expect_console(qr/status of 507/)->stop;
    return;
}

sub _visit_logged_out ($self, $browser, $check, $see) {
    my $site = $self->{site};
    my $other = $site->open('GET', "/stream/videos/$self->{watched}", buffer => 4096);
    my $bucket = Bucket->new($site);
    $site->soon(sub { $bucket->in_use('stream') == TOKENS }, 'another client holds the only token', 60);
    $browser->go($self->{gallery}{video})->press('Play');
    $see->('The server is busy.', 'video-full');
    $other->close;
    $browser->go('/videos/999999');
    $see->('Not found', 'video-missing');
    $browser->go('/login')->fill('Username', 'ann')->fill('Password', 'not this one')->click('main button', 'Log in');
    $see->('wrong user name or password', 'login-wrong');
    $browser->go('/register')->fill('Username', 'ann')->fill('Password', 'fifteen green parrots')->click('main button', 'Register');
    $see->('the user name is taken', 'register-taken');
    for my $page ([$self->{long_video}, 'video'], [$self->{long_user}, 'user'], ['/?q=' . 'nothingofthat' x 8, 'search'], ['/?q=Longword', 'home']) {
        $browser->go($page->[0])->find('h1');
        $check->($browser, "$page->[1]-endless");
    }
    $browser->go('/')->sees('Bread');
    _network($browser, offline => JSON::PP::true);
    $browser->follow('Bread');
    $see->('Can’t reach the server.', 'away');
    _network($browser);
    $browser->go('/')->sees('Bread')->script(<<'JS');
        const body = {status: 503, error: 'DB ops failed', error_code: '004', title: 'Service Unavailable'};
        window.fetch = async () => new Response(JSON.stringify(body), {status: 503, headers: {'Retry-After': '1'}});
JS
    $browser->follow('Bread');
    $see->('Database error', 'unavailable');
    return;
}

sub _visit_logged_in ($self, $browser, $see) {
    Gallery::log_in($browser, 'mei');
    $self->_send($browser, $self->{notes});
    $see->('Unsupported file type', 'upload-wrong-type');
    $self->_send($browser, $self->{large});
    $see->('Too large', 'upload-too-large');
    _network($browser, uploadThroughput => SLOW);
    $self->_send($browser, Site::Media::path($self->{site}->folder, 'video.mp4', WATCHED));
    $see->('/s ·', 'upload-running');
    $browser->press('Pause');
    $see->('Upload paused at', 'upload-paused');
    $browser->go('/upload');
    $see->('is not finished', 'upload-unfinished');
    $browser->press('Discard upload')->sees_not('is not finished');
    _network($browser);
    $browser->press('Log out')->sees('You have logged out.');
    Gallery::log_in($browser, 'ann');
    $self->_send($browser, $self->{video});
    $see->('Not enough storage: ', 'upload-quota');
    $browser->go('/settings')->fill('Current password', 'not this one')->fill('New password', 'fifteen green parrots')->press('Change password');
    $see->('the old password is wrong', 'settings-wrong');
    $browser->go($self->{gallery}{video})->press('Edit');
    $see->('Save', 'video-editor');
    $browser->press('Cancel')->press('Delete')->find('dialog');
    $see->('Delete this video?', 'video-question');
    $browser->click('dialog button', 'Cancel');
    $self->{site}->sql('DELETE FROM sessions');
    $browser->follow('Settings');
    $see->('Your session has ended.', 'session-ended');
    return;
}

sub _send ($self, $browser, $file) {
    return $browser->go('/upload')->fill('Title', 'A video')->choose($file)->click('main form button', 'Upload');
}

sub _network ($browser, %how) {
    $browser->devtools('Network.enable');
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0,
        downloadThroughput => -1, uploadThroughput => -1, %how);
    return;
}

1;
