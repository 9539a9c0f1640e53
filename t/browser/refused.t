# Films that the site does not take, or not now: the page says why.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Bucket;
use Site;
use Browser;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $FILM = "$FindBin::Bin/../media/testcard.webm";

# A browser in which ann is logged in.
sub ann_at ($site) {
    $site->user('ann');
    my $browser = Browser->start($site);
    $browser->go('/login?next=/upload')->fill('Name', 'ann')->fill('Password', $site->PASSWORD)->click('main button', 'Log in');
    return $browser->is_at('/upload');
}

sub send_film ($browser, $title, $film = $FILM) {
    return $browser->go('/upload')->fill('Title', $title)->choose($film)->click('main form button', 'Upload');
}

sub arrives ($browser, $name) {
    return $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', $name);
}

subtest 'no room' => sub {
    my $site = Site->start(VS_USER_QUOTA_VIDEOS => 1);
    my $browser = ann_at($site);
    send_film($browser, 'One');
    arrives($browser, 'the first film is taken');
    send_film($browser, 'Two')->sees('No room left: ', 'the quota is told');
    my ($waiting) = grep { $_->{state} eq 'created' } @{$site->get('/api/videos')->json};
    $browser->sees($site->user('ann')->upload($waiting->{id}, $FILM)->is(507)->json->{detail}, 'in the words of the server');
    $browser->expect_console(qr/status of 507/)->stop;
    $site->stop(keep => 1);

    $site = Site->start(VS_DISK_HEADROOM_BYTES => '1024T', folder => $site->folder);
    $browser = ann_at($site);
    send_film($browser, 'Three')->sees('No room left: ', 'so is a full disk');
    $browser->expect_console(qr/status of 507/)->stop;
};

subtest 'many at once' => sub {
    my $site = Site->start(VS_UPLOAD_TOKENS => 1);
    my $browser = ann_at($site);
    my $bob = $site->user('bob');
    my $vid = $bob->post('/api/videos', {title => 'Slow'})->is(201)->json->{id};
    my $other = $site->connect->send($bob->bytes('POST', "/stream/videos/$vid", body => 'x' x 1000,
        headers => {'Content-Length' => 1_000_000, 'Content-Type' => 'video/mp4'}));
    my $bucket = Bucket->new($site);
    $site->soon(sub { $bucket->in_use('upload') == 1 }, 'somebody else is uploading', 60);
    send_film($browser, 'Patient')->sees('Too many at once', 'one is told to wait')->sees('Trying again in');
    $other->close;
    arrives($browser, 'and it goes on by itself');
    $browser->soon('return document.querySelector("main .cover img")', 'with its picture');
    $browser->expect_console(qr/status of 429/)->stop;
};

subtest 'films without a picture' => sub {
    my $site = Site->start;
    my $browser = ann_at($site);
    send_film($browser, 'Not playable', Site::Media::path($site->folder, 'film.mp4'));
    arrives($browser, 'one that the browser cannot play is taken');
    my ($vid) = $browser->path =~ /(\d+)/;
    $browser->find('button', 'Play');
    is $browser->script('return document.querySelectorAll(".cover > svg.picture").length'), 1, 'and has a drawing';
    is $site->get("/api/videos/$vid")->json->{poster_url}, undef, 'but no picture';

    $browser->script(<<'JS');
        const send = window.fetch;
        window.fetch = (url, options) => (options?.method === 'PUT' ? Promise.reject(new TypeError('lost')) : send(url, options));
JS
    $browser->follow('Upload')->fill('Title', 'Lost')->choose($FILM)->click('main form button', 'Upload');
    $browser->sees('The film is there, but has no picture.', 'a picture that does not arrive is told');
    arrives($browser, 'and the film is there');
    $browser->stop;
};

subtest 'the session ends meanwhile' => sub {
    my $site = Site->start;
    my $browser = ann_at($site);
    $browser->devtools('Network.enable');
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0, downloadThroughput => -1, uploadThroughput => 50_000);
    my $film = Site::Media::path($site->folder, 'film.mp4', 20_000_000);
    send_film($browser, 'Long', $film);
    $browser->soon('return (document.querySelector("progress")?.value ?? 0) > 0', 'a part has gone');
    $browser->press('Pause')->sees('Paused at');
    $site->sql('DELETE FROM sessions');
    $browser->press('Resume')->sees('Your session has ended. Please log in again.')->is_at('/login?next=%2Fupload');
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0, downloadThroughput => -1, uploadThroughput => -1);
    $browser->fill('Name', 'ann')->fill('Password', $site->PASSWORD)->click('main button', 'Log in')->is_at('/upload');
    $browser->sees('The upload of “film.mp4” is not finished.', 'logged in again, one can go on');
    $browser->choose($film)->click('main form button', 'Upload');
    arrives($browser, 'and it arrives');
    $browser->expect_console(qr/status of 401/)->stop;
};

done_testing;
