# Uploads that the server rejects or delays: the page says why, and retries what may
# succeed later.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Bucket;
use Site;
use Browser;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

my $FILE = "$FindBin::Bin/../media/testcard.webm";

# A browser logged in as ann, on the upload page.
sub ann_at ($site) {
    $site->user('ann');
    my $browser = Browser->start($site);
    $browser->go('/login?next=/upload')->fill('Username', 'ann')->fill('Password', $site->PASSWORD)->click('main button', 'Log in');
    return $browser->is_at('/upload');
}

sub upload ($browser, $title, $file = $FILE) {
    return $browser->go('/upload')->fill('Title', $title)->choose($file)->click('main form button', 'Upload');
}

sub completes ($browser, $name) {
    return $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', $name);
}

subtest 'quota and disk space' => sub {
    my $site = Site->start(VS_USER_QUOTA_VIDEOS => 1);
    my $browser = ann_at($site);
    upload($browser, 'One');
    completes($browser, 'an upload within the quota completes');
    upload($browser, 'Two')->sees('Not enough storage: ', 'an upload over the quota is rejected');
    my ($waiting) = grep { $_->{state} eq 'created' } @{$site->get('/api/videos')->json};
    $browser->sees($site->user('ann')->upload($waiting->{id}, $FILE)->is(507)->json->{detail}, 'the page shows the server’s message');
    $browser->expect_console(qr/status of 507/)->stop;
    $site->stop(keep => 1);

    $site = Site->start(VS_DISK_HEADROOM_BYTES => '1024T', folder => $site->folder);
    $browser = ann_at($site);
    upload($browser, 'Three')->sees('Not enough storage: ', 'an upload is rejected when the disk is full');
    $browser->expect_console(qr/status of 507/)->stop;
};

subtest 'the upload limit' => sub {
    my $site = Site->start(VS_UPLOAD_TOKENS => 1);
    my $browser = ann_at($site);
    my $bob = $site->user('bob');
    my $vid = $bob->post('/api/videos', {title => 'Slow'})->is(201)->json->{id};
    my $other = $site->connect->send($bob->bytes('POST', "/stream/videos/$vid", body => 'x' x 1000,
        headers => {'Content-Length' => 1_000_000, 'Content-Type' => 'video/mp4'}));
    my $bucket = Bucket->new($site);
    $site->soon(sub { $bucket->in_use('upload') == 1 }, 'another client takes the only token', 60);
    upload($browser, 'Patient')->sees('Limit reached', 'the page says that the limit is reached')->sees('Retrying in');
    $other->close;
    completes($browser, 'the upload completes once a token is free');
    $browser->soon('return document.querySelector("main .cover img")', 'the poster is uploaded, too');
    $browser->expect_console(qr/status of 429/)->stop;
};

subtest 'uploads without a poster' => sub {
    my $site = Site->start;
    my $browser = ann_at($site);
    upload($browser, 'Not playable', Site::Media::path($site->folder, 'video.mp4'));
    completes($browser, 'a file that the browser cannot decode is uploaded');
    my ($vid) = $browser->path =~ /(\d+)/;
    $browser->find('button', 'Play');
    is $browser->script('return document.querySelectorAll(".cover > svg.poster").length'), 1, 'its page shows the placeholder';
    is $site->get("/api/videos/$vid")->json->{poster_url}, undef, 'it has no poster';

    $browser->script(<<'JS');
        const send = window.fetch;
        window.fetch = (url, options) => (options?.method === 'PUT' ? Promise.reject(new TypeError('lost')) : send(url, options));
JS
    $browser->follow('Upload')->fill('Title', 'Lost')->choose($FILE)->click('main form button', 'Upload');
    $browser->sees('The video was uploaded without a poster image.', 'a failed poster upload is reported');
    completes($browser, 'the video upload completes all the same');
    $browser->stop;
};

subtest 'the session ends during an upload' => sub {
    my $site = Site->start;
    my $browser = ann_at($site);
    $browser->devtools('Network.enable');
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0, downloadThroughput => -1, uploadThroughput => 50_000);
    my $file = Site::Media::path($site->folder, 'video.mp4', 20_000_000);
    upload($browser, 'Long', $file);
    $browser->soon('return (document.querySelector("progress")?.value ?? 0) > 0', 'a part has been sent');
    $browser->press('Pause')->sees('Upload paused at');
    $site->sql('DELETE FROM sessions');
    $browser->press('Resume')->sees('Your session has ended. Please log in again.')->is_at('/login?next=%2Fupload');
    $browser->devtools('Network.emulateNetworkConditions', offline => JSON::PP::false, latency => 0, downloadThroughput => -1, uploadThroughput => -1);
    $browser->fill('Username', 'ann')->fill('Password', $site->PASSWORD)->click('main button', 'Log in')->is_at('/upload');
    $browser->sees('The upload of “video.mp4” is not finished.', 'after login the page offers to resume');
    $browser->choose($file)->click('main form button', 'Upload');
    completes($browser, 'the resumed upload completes');
    $browser->expect_console(qr/status of 401/)->stop;
};

done_testing;
