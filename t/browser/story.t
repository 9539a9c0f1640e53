# The main user journey in a real browser, from the first visit to the deletion of the
# video.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant PASSWORD => 'correct horse battery';

my $FILE = "$FindBin::Bin/../media/testcard.webm";
my $EVIL = q{<img src=x onerror="document.title='evil'"><script>document.title='evil'</script>"'&amp;};

my $site = Site->start(VS_MAX_UPLOAD_BYTES => '1M', VS_DISK_HEADROOM_BYTES => 0);
my $browser = Browser->start($site);
my $video;    # the path of the video that ann uploads

sub id () { return $video =~ s{.*/}{}r }

sub content ($path) {
    open my $file, '<:raw', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

# Plays the video on the page.
sub plays ($name) {
    $browser->script('document.querySelector("video").play().catch(() => {})');
    return $browser->soon('return document.querySelector("video").currentTime > 0.2', $name);
}

subtest 'a new site' => sub {
    $browser->go('/')->sees('There are no videos yet.');
    $browser->follow('Upload the first video')->is_at('/login?next=/upload', 'uploading needs a login');
    $browser->fill('Username', 'ann')->fill('Password', 'no such user')->click('main button', 'Log in');
    $browser->sees('wrong user name or password')->is_at('/login?next=/upload', 'the login form stays');
};

subtest 'registering' => sub {
    $browser->click('main a', 'Register')->fill('Username', 'ann')->fill('Password', PASSWORD)->click('main button', 'Register');
    $browser->is_at('/upload', 'registering logs in and continues to the upload page');
    $browser->find('a', 'ann');
    $browser->script('localStorage.clear()');
    $browser->reload->find('a', '#' . $site->sql('SELECT id FROM users'));
    $browser->follow('Settings')->press('Log out')->follow('Log in')->fill('Username', 'ann')->fill('Password', PASSWORD)
        ->click('main button', 'Log in')->find('a', 'ann');
    $browser->follow('Upload');
};

subtest 'uploading' => sub {
    my $notes = $site->folder . '/notes.mp4';
    open my $file, '>', $notes or die "cannot write $notes: $!\n";
    print {$file} 'no data ' x 100;
    close $file;
    $browser->fill('Title', 'x')->click('main button', 'Upload')->sees('Choose a video file.');
    $browser->choose($notes)->click('main button', 'Upload')->sees('Unsupported file type', 'a file that is no video is rejected');
    $browser->choose(Site::Media::path($site->folder, 'large.mp4', 2_000_000))->click('main button', 'Upload')
        ->sees('Too large', 'a file over the size limit is rejected');
    $browser->choose($FILE)->click('main button', 'Upload');
    $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', 'a video file is accepted');
    $video = $browser->path;
    is scalar(@{$site->get('/api/videos')->json}), 1, 'all attempts used the same video';
    $site->get('/stream/videos/' . id())->is(200);
};

subtest 'playing' => sub {
    $browser->reload->press('Play');
    plays('the video plays');
    $browser->soon('return !document.querySelector(".cover")', 'the cover is removed');
    $browser->script('document.querySelector("video").pause(); document.querySelector("video").currentTime = 1');
    $browser->soon('const v = document.querySelector("video"); return !v.seeking && v.readyState >= 2 && Math.abs(v.currentTime - 1) < 0.1',
        'seeking to the middle works');
    plays('the video plays from there');
    $site->soon(sub { $site->get('/api/videos/' . id())->json->{views} == 2 }, 'both views are counted', 60);
    $browser->reload->sees('2 views', 'the page shows the number of views');
    my $folder = $site->folder . '/downloads';
    $browser->devtools('Browser.setDownloadBehavior', behavior => 'allow', downloadPath => $folder);
    $browser->click('a[href$="?download=1"]');
    $site->soon(sub { -s "$folder/x.webm" }, 'the video is downloaded under its title', 60);
    is content("$folder/x.webm"), content($FILE), 'the downloaded file is identical';
};

subtest 'the poster' => sub {
    my $poster = "/stream/videos/" . id() . '/poster';
    is $site->get('/api/videos/' . id())->json->{poster_url}, $poster, 'the upload page has uploaded a poster';
    my $image = $site->get($poster)->is(200)->header_is('Content-Type', 'image/jpeg')->body;
    cmp_ok length $image, '<=', 512 * 1024, 'the poster is within the size limit';
    for my $path ('/', "/videos/" . id()) {
        $browser->go($path)->soon('const i = document.querySelector("main img"); return i?.complete && i.naturalWidth > 0', "$path shows the poster");
        cmp_ok $browser->script('return document.querySelector("main img").naturalWidth'), '<=', 640, 'the poster is at most 640 pixels wide';
        is $browser->script('return new URL(document.querySelector("main img").src).pathname'), $poster, 'the poster is loaded from its URL';
    }
    # The first frames are colourful; a canvas drawn before a frame is decoded is blank.
    cmp_ok $browser->script(<<'JS'), '>', 20, 'the poster is a frame of the video';
        const canvas = Object.assign(document.createElement('canvas'), {width: 16, height: 9});
        const context = canvas.getContext('2d');
        context.drawImage(document.querySelector('main img'), 0, 0, 16, 9);
        const pixels = context.getImageData(0, 0, 16, 9).data;
        return new Set(Array.from({length: 144}, (_, i) => pixels.slice(4 * i, 4 * i + 3).map((c) => c >> 5).join())).size;
JS
};

subtest 'comments' => sub {
    $browser->sees('No comments yet.')->fill('Your comment', 'Lovely colours.');
    $browser->script('const b = Array.from(document.querySelectorAll("main button")).find((e) => e.innerText === "Comment"); b.click(); b.click()');
    $browser->sees('Lovely colours.')->sees_not('No comments yet.');
    is scalar(@{$site->get('/api/videos/' . id() . '/comments')->json->{comments}}), 1, 'a double click posts one comment';
    is $browser->script('return document.querySelectorAll(".comments li").length'), 1, 'the comment is shown once';
    $browser->fill('Your comment', 'Another.')->press('Comment')->sees('Another.');
    $browser->press(q{Delete ann’s comment});
    $browser->click('dialog button', 'Cancel')->sees('Another.', 'Cancel keeps the comment');
    $browser->press(q{Delete ann’s comment})->click('dialog button', 'Delete')->sees_not('Another.');
    $browser->script(<<'JS');
        const send = window.fetch;
        window.keys = [];
        window.fetch = async (url, options) => {
          const response = await send(url, options);
          if (options?.method !== 'POST') return response;
          window.keys.push(options.headers['Idempotency-Key']);
          if (window.keys.length === 1) throw new TypeError('lost');
          return response;
        };
JS
    $browser->fill('Your comment', 'Sent twice.')->press('Comment')->sees('Can’t reach the server', 'a lost response is reported');
    $browser->press('Comment')->soon('return window.keys.length === 2', 'the form can be submitted again');
    $browser->sees('Sent twice.');
    is $browser->script('return new Set(window.keys).size'), 1, 'both requests have the same idempotency key';
    is scalar(@{$site->get('/api/videos/' . id() . '/comments')->json->{comments}}), 2, 'the comment is stored once';
    $browser->press(q{Delete ann’s comment})->click('dialog button', 'Delete')->sees_not('Sent twice.');
    $browser->reload->sees('Lovely colours.')->sees_not('Another.');
};

subtest 'editing' => sub {
    my $buttons = 'return Array.from(document.querySelectorAll(".details :is(button, .button)"), (button) => button.innerText.replace(/ .*/, "")).join()';
    is $browser->script($buttons), 'Download,Edit,Delete', 'the owner sees their buttons';
    $browser->press('Edit')->find('button', 'Save');
    is $browser->script($buttons), 'Save,Cancel', 'the editor replaces them';
    $browser->fill('Title', 'Test card')->press('Cancel')->sees_not('Test card');
    is $browser->script($buttons), 'Download,Edit,Delete', 'Cancel restores them';
    $browser->press('Edit')->fill('Title', 'Test card')->fill('Description', "Two seconds\nof colours.")->press('Save');
    $browser->sees("Two seconds\nof colours.")->sees('Saved.');
    is $site->get('/api/videos/' . id())->json->{title}, 'Test card', 'the new title is stored';
    $browser->soon('return document.title.startsWith("Test card")', 'the window title is updated');
};

subtest 'text is text' => sub {
    $browser->press('Edit')->fill('Title', $EVIL)->fill('Description', $EVIL)->press('Save')->sees('Saved.');
    $browser->fill('Your comment', $EVIL)->press('Comment');
    $browser->soon('return document.querySelectorAll(".comments li").length === 2', 'the comment is posted');
    my $evil = $site->user($EVIL =~ s/^(.{38}).*/$1/r);
    $evil->post('/api/videos/' . id() . '/comments', {content => 'From the user.'})->is(201);
    for my $path ('/', $video, '/users/' . $evil->id, '/?q=' . $EVIL =~ s/([^\w])/sprintf '%%%02x', ord $1/ger) {
        $browser->go($path)->soon('return !document.querySelector("main[aria-busy]") && document.querySelector("h1")', "$path is shown");
        is $browser->script('return document.querySelectorAll("main img:not([src^=\\"/stream/\\"]), main script").length'), 0, 'no element was created from user input';
        isnt $browser->script('return document.title'), 'evil', 'no script from user input has run';
    }
    $browser->go($video)->sees($EVIL, 'the text is shown as it was typed');
    $browser->press('Edit')->fill('Title', 'Test card')->press('Save')->sees('Saved.');
};

subtest 'searching' => sub {
    $site->user('mei')->post('/api/videos', {title => '西湖的雨天'})->is(201);
    $browser->go('/')->fill('Search videos', 'card')->press('Search')->sees('Results for “card”')->sees('Test card');
    is $browser->script('return document.querySelector("[type=search]").value'), 'card', 'the search box keeps the query';
    $browser->fill('Search videos', 'nothing like it')->press('Search')->sees('No videos match your search.');
    $browser->back->sees('Results for “card”', 'back shows the previous results')->sees('Test card');
    $browser->follow('Test card')->is_at($video)->back->is_at('/?q=card');
    $browser->click('a', 'video-server')->is_at('/')->sees('Newest videos');
};

subtest 'many videos' => sub {
    my $mei = $site->user('mei');
    Gallery::add_videos($mei, 60);
    $browser->go('/users/' . $mei->id)->sees('Video 1');
    $browser->soon('scrollTo(0, document.body.scrollHeight); return document.querySelectorAll(".card").length >= 60',
        'scrolling loads all videos');
    is $browser->script('return new Set(Array.from(document.querySelectorAll(".card h2 a"), (a) => a.href)).size'), 61, 'each video is listed once';
};

subtest 'unknown URLs' => sub {
    $browser->expect_console(qr/the server responded with a status of 404/);
    $browser->go('/videos/999999')->sees('Not found');
    $browser->go('/nothing/at/all')->sees('Not found')->follow('Browse the newest videos')->is_at('/');
    $browser->go("$video/")->sees('Test card', 'a trailing slash is accepted');
};

subtest 'sessions' => sub {
    my $other = $site->user('ann', PASSWORD);
    $browser->go('/settings')->sees('This browser');
    my $count = 'return document.querySelectorAll(".rows li").length';
    $browser->soon("$count >= 2", 'the other session is listed');
    my $before = $browser->script($count);
    is $browser->script('return document.querySelectorAll(".rows button").length'), $before - 1, 'every session but the current one has a button';
    $browser->click('.rows button')->sees('Session ended.');
    is $browser->script($count), $before - 1, 'the ended session is no longer listed';
    $other->get('/api/sessions')->is(401, 'the ended session is invalid');
    $browser->expect_console(qr/the server responded with a status of 401/);
    $site->sql('DELETE FROM sessions');
    $browser->follow('Settings')->sees('Your session has ended. Please log in again.')->is_at('/login?next=%2Fsettings');
    $browser->find('#header a', 'Log in');
    is $browser->script('return document.cookie'), '', 'the cookie of the ended session is deleted';
    $browser->fill('Username', 'ann')->fill('Password', PASSWORD)->click('main button', 'Log in')->is_at('/settings', 'login returns to the settings page');
};

subtest 'changing the password' => sub {
    my $other = $site->user('ann', PASSWORD);
    $browser->go('/settings')->fill('Current password', 'not this one')->fill('New password', 'fifteen green parrots')
        ->press('Change password')->sees('the old password is wrong')->is_at('/settings', 'a wrong password does not end the session');
    $browser->fill('Current password', PASSWORD)->press('Change password')->sees('Password changed.');
    $other->get('/api/sessions')->is(401, 'other sessions have ended');
    $browser->soon('return document.querySelectorAll(".rows li").length === 1', 'only the current session is listed');
    $site->user('ann', 'fifteen green parrots');
};

subtest 'deleting the video and logging out' => sub {
    $browser->go($video)->press('Delete');
    $browser->click('dialog button', 'Delete')->sees('Video deleted.')->sees_not('Test card');
    $site->get('/api/videos/' . id())->is(404);
    $browser->press('Log out')->sees('You have logged out.')->is_at('/')->sees_not('You have logged out.', 'the notice disappears');
    is $browser->script('return document.cookie'), '', 'logging out deletes the cookie';
    $browser->go('/settings')->is_at('/login?next=/settings', 'the settings page needs a login');
};

$browser->expect_console(qr/status of 4(?:01|13|15)/);
$site->expect_log(qr/client intended to send too large body/);
$browser->stop;
done_testing;
