# Uploads in the browser survive what happens to them: a lost connection, a pause, a reload.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;

use constant {
    BYTES => 20_000_000,
    SLOW  => 100_000,     # bytes a second
    PART  => 100_000,     # bytes after which something happens
};

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $site = Site->start;
my $ann = $site->user('ann');
my $film = Site::Media::path($site->folder, 'film.mp4', BYTES);
my $other = Site::Media::path($site->folder, 'other.mp4', BYTES + 8);
my $browser = Browser->start($site);
$browser->expect_console(qr/ERR_INTERNET_DISCONNECTED|status of 404|ERR_FAILED/);

sub network (%how) {
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0,
        downloadThroughput => -1, uploadThroughput => -1, %how);
    return;
}

# Begins an upload and waits until a part of it has gone.
sub begin ($title) {
    network(uploadThroughput => SLOW);
    $browser->go('/upload')->fill('Title', $title)->choose($film)->click('main form button', 'Upload');
    $browser->soon('return (document.querySelector("progress")?.value ?? 0) > arguments[0]', 'a part has gone', PART);
    return;
}

sub kept () { return $browser->script('return JSON.parse(localStorage.getItem("upload"))') }

# How far the server is with it.
sub offset ($kept) { return $ann->head($kept->{url}, headers => {'Tus-Resumable' => '1.0.0', 'X-Session-Id' => $ann->session})->header('Upload-Offset') }

# From now on what screen readers are told is written down.
sub begin_listening () {
    $browser->script(<<'JS');
        window.told = [];
        new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => window.told.push(node.innerText))))
          .observe(document.querySelector('[aria-live]'), {childList: true});
JS
    return;
}

sub times_told ($text) { return $browser->script('return window.told.filter((told) => told.includes(arguments[0])).length', $text) }

# The upload ends, and the film is what was chosen.
sub arrives ($name) {
    $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', $name);
    my ($vid) = $browser->path =~ /(\d+)/;
    $site->get("/stream/videos/$vid")->is(200)->body_is(Site::Media::content('mp4', BYTES), 'every byte is where it was');
    is kept(), undef, 'nothing is left to go on with';
    return;
}

$browser->devtools('Network.enable');
$browser->go('/login')->fill('Name', 'ann')->fill('Password', $site->PASSWORD)->click('main button', 'Log in')->find('a', 'ann');

subtest 'a lost connection' => sub {
    begin('Cut');
    $browser->soon('return window.seen = /^([\d.]+) (KB|MB) of 20 MB · (\d+) KB\/s · (\d+):(\d\d) left$/m.exec(document.body.innerText)',
        'the speed and the time left are told');
    my (undef, $sent, $unit, $speed, $minutes, $seconds) = @{$browser->script('return window.seen')};
    my $left = (BYTES - $sent * ($unit eq 'MB' ? 1_000_000 : 1000)) / ($speed * 1000);
    cmp_ok abs($minutes * 60 + $seconds - $left), '<', 0.1 * $left, "which is right: $minutes:$seconds at $speed KB/s";
    begin_listening();
    my $warns = 'const leave = new Event("beforeunload", {cancelable: true}); dispatchEvent(leave); return leave.defaultPrevented';
    ok $browser->script($warns), 'who leaves now is warned';
    my $kept = kept();
    network(offline => JSON::PP::true);
    $browser->script('window.stop()');    # closes the connection, as nothing else in the driver does
    $browser->sees('The connection was lost. Trying again in', 'the loss is told')->sees('Trying again in 2 s', 'while it lasts');
    $site->soon(sub { offset($kept) > 0 }, 'the server has kept what had come');
    network();
    arrives('when the connection is back, it goes on by itself');
    is times_told('The connection was lost.'), 1, 'the loss was told once, to who listens';
    ok !$browser->script($warns), 'but not any more';
    is scalar(my @made = $site->log_lines(qr/method=POST route=\/stream\/videos\/:vid status=201/)), 1, 'it was one upload';
};

subtest 'a pause' => sub {
    begin('Paused');
    is $browser->focused, 'Pause', 'which has the focus';
    begin_listening();
    $browser->press('Pause')->sees('Paused at');
    is times_told('Paused at'), 1, 'which one hears, too';
    my $kept = kept();
    $site->soon(sub { offset($kept) > 0 }, 'the server has a part');
    my $before = offset($kept);
    network();
    $browser->press('Resume');
    arrives('it goes on');
    cmp_ok $before, '<', BYTES, 'it was not done before';
};

subtest 'a reload' => sub {
    begin('Reloaded');
    my $kept = kept();
    $browser->reload->sees('The upload of “film.mp4” is not finished.', 'one is told what was going on');
    network();
    $site->soon(sub { offset($kept) > 0 }, 'the server has a part');
    $browser->choose($other)->click('main form button', 'Upload')->sees('That is another film', 'another film is not taken for it');
    $browser->choose($film)->click('main form button', 'Upload');
    arrives('the same one goes on');
    is $site->get('/api/videos')->json->[0]{title}, 'Reloaded', 'as the same video';
};

subtest 'thinking better of it' => sub {
    begin('Stopped');
    my $kept = kept();
    $browser->press('Cancel')->sees('The upload was stopped.');
    is $browser->focused, 'Upload', 'the focus is where it can be begun again';
    $site->soon(sub { $ann->head($kept->{url}, headers => {'Tus-Resumable' => '1.0.0', 'X-Session-Id' => $ann->session})->status == 404 },
        'the server has forgotten it');
    network();
    begin('Discarded');
    $browser->reload->press('Discard it')->sees_not('is not finished', 'or after a reload');
    is kept(), undef, 'nothing is left of it';
    $browser->script('localStorage.setItem("upload", JSON.stringify({userId: 999999, videoId: 1, name: "theirs.mp4", url: "/", sign: ""}))');
    $browser->go('/upload')->find('input', 'Title');
    unlike $browser->text, qr/theirs/, 'another one’s upload is none of one’s own';
};

$browser->stop;
done_testing;
