# Uploads in the browser survive a lost connection, a pause and a reload.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;

use constant {
    BYTES => 20_000_000,
    SLOW  => 100_000,     # bytes per second
    PART  => 100_000,     # bytes sent before the interruption
};

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $site = Site->start;
my $ann = $site->user('ann');
my $file = Site::Media::path($site->folder, 'video.mp4', BYTES);
my $other = Site::Media::path($site->folder, 'other.mp4', BYTES + 8);
my $browser = Browser->start($site);
$browser->expect_console(qr/ERR_INTERNET_DISCONNECTED|status of 404|ERR_FAILED/);

sub network (%how) {
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0,
        downloadThroughput => -1, uploadThroughput => -1, %how);
    return;
}

# Starts a slow upload and waits until PART bytes have been sent.
sub begin ($title) {
    network(uploadThroughput => SLOW);
    $browser->go('/upload')->fill('Title', $title)->choose($file)->click('main form button', 'Upload');
    $browser->soon('return (document.querySelector("progress")?.value ?? 0) > arguments[0]', 'a part has been sent', PART);
    return;
}

sub saved () { return $browser->script('return JSON.parse(localStorage.getItem("upload"))') }

# The offset that the server reports.
sub offset ($saved) { return $ann->head($saved->{url}, headers => {'Tus-Resumable' => '1.0.0', 'X-Session-Id' => $ann->session})->header('Upload-Offset') }

# From now on records what screen readers are told.
sub record_announcements () {
    $browser->script(<<'JS');
        window.announced = [];
        new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => window.announced.push(node.innerText))))
          .observe(document.querySelector('[aria-live]'), {childList: true});
JS
    return;
}

sub times_announced ($text) { return $browser->script('return window.announced.filter((text) => text.includes(arguments[0])).length', $text) }

# Waits for the upload to complete, and compares the stored file with the original.
sub completes ($name) {
    $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', $name);
    my ($vid) = $browser->path =~ /(\d+)/;
    $site->get("/stream/videos/$vid")->is(200)->body_is(Site::Media::content('mp4', BYTES), 'the stored file is identical');
    is saved(), undef, 'the browser keeps no unfinished upload';
    return;
}

$browser->devtools('Network.enable');
$browser->go('/login')->fill('Username', 'ann')->fill('Password', $site->PASSWORD)->click('main button', 'Log in')->find('a', 'ann');

subtest 'a lost connection' => sub {
    begin('Cut');
    $browser->soon('return window.seen = /^([\d.]+) (KB|MB) of 20 MB · (\d+) KB\/s · (\d+):(\d\d) left$/m.exec(document.body.innerText)',
        'the page shows the speed and the time left');
    my (undef, $sent, $unit, $speed, $minutes, $seconds) = @{$browser->script('return window.seen')};
    my $left = (BYTES - $sent * ($unit eq 'MB' ? 1_000_000 : 1000)) / ($speed * 1000);
    cmp_ok abs($minutes * 60 + $seconds - $left), '<', 0.1 * $left, "the time left is right: $minutes:$seconds at $speed KB/s";
    record_announcements();
    my $warns = 'const leave = new Event("beforeunload", {cancelable: true}); dispatchEvent(leave); return leave.defaultPrevented';
    ok $browser->script($warns), 'leaving the page during an upload asks for confirmation';
    my $saved = saved();
    network(offline => JSON::PP::true);
    $browser->script('window.stop()');    # closes the connection; the driver has no other way
    $browser->sees('Connection lost. Retrying in', 'the page reports the loss')->sees('Retrying in 2 s', 'the delay grows while it lasts');
    $site->soon(sub { offset($saved) > 0 }, 'the server keeps the bytes received');
    network();
    completes('the upload resumes by itself once the connection is back');
    is times_announced('Connection lost.'), 1, 'the loss is announced once';
    ok !$browser->script($warns), 'leaving the page after the upload asks nothing';
    is scalar(my @made = $site->log_lines(qr/method=POST route=\/stream\/videos\/:vid status=201/)), 1, 'only one upload was created';
};

subtest 'a pause' => sub {
    begin('Paused');
    is $browser->focused, 'Pause', 'the Pause button has the focus';
    record_announcements();
    $browser->press('Pause')->sees('Upload paused at');
    is times_announced('Upload paused at'), 1, 'the pause is announced';
    my $saved = saved();
    $site->soon(sub { offset($saved) > 0 }, 'the server has received a part');
    my $before = offset($saved);
    network();
    $browser->press('Resume');
    completes('Resume completes the upload');
    cmp_ok $before, '<', BYTES, 'the upload was incomplete during the pause';
};

subtest 'a reload' => sub {
    begin('Reloaded');
    my $saved = saved();
    $browser->reload->sees('The upload of “video.mp4” is not finished.', 'the page offers to resume');
    network();
    $site->soon(sub { offset($saved) > 0 }, 'the server has received a part');
    $browser->choose($other)->click('main form button', 'Upload')->sees('This file doesn’t match the unfinished upload.', 'another file is rejected');
    $browser->choose($file)->click('main form button', 'Upload');
    completes('choosing the same file resumes the upload');
    is $site->get('/api/videos')->json->[0]{title}, 'Reloaded', 'the upload went to the same video';
};

subtest 'cancelling' => sub {
    begin('Stopped');
    my $saved = saved();
    $browser->press('Cancel')->sees('Upload cancelled.');
    is $browser->focused, 'Upload', 'the focus returns to the Upload button';
    $site->soon(sub { $ann->head($saved->{url}, headers => {'Tus-Resumable' => '1.0.0', 'X-Session-Id' => $ann->session})->status == 404 },
        'the server deletes the upload');
    network();
    begin('Discarded');
    $browser->reload->press('Discard upload')->sees_not('is not finished', 'an upload can be discarded after a reload');
    is saved(), undef, 'the browser keeps no unfinished upload';
    $browser->script('localStorage.setItem("upload", JSON.stringify({userId: 999999, videoId: 1, name: "theirs.mp4", url: "/", sign: ""}))');
    $browser->go('/upload')->find('input', 'Title');
    unlike $browser->text, qr/theirs/, 'another user’s unfinished upload is not shown';
};

$browser->stop;
done_testing;
