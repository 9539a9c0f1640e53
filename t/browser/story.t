# The whole story by clicking, in a real browser.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;
use Gallery;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant PASSWORD => 'correct horse battery';

my $FILM = "$FindBin::Bin/../media/testcard.webm";
my $EVIL = q{<img src=x onerror="document.title='evil'"><script>document.title='evil'</script>"'&amp;};

my $site = Site->start(VS_MAX_UPLOAD_BYTES => '1M', VS_DISK_HEADROOM_BYTES => 0);
my $browser = Browser->start($site);
my $video;    # the address of the one that ann uploads

sub id () { return $video =~ s{.*/}{}r }

sub content ($path) {
    open my $file, '<:raw', $path or die "cannot read $path: $!\n";
    local $/;
    return scalar <$file>;
}

# Whether the film that is there goes on.
sub plays ($name) {
    $browser->script('document.querySelector("video").play().catch(() => {})');
    return $browser->soon('return document.querySelector("video").currentTime > 0.2', $name);
}

subtest 'a new site' => sub {
    $browser->go('/')->sees('There are no videos yet.');
    $browser->follow('Upload the first one')->is_at('/login?next=/upload', 'who wants to upload has to log in');
    $browser->fill('Name', 'ann')->fill('Password', 'no such user')->click('main button', 'Log in');
    $browser->sees('wrong user name or password')->is_at('/login?next=/upload', 'the form stays');
};

subtest 'registering' => sub {
    $browser->click('main a', 'Register')->fill('Name', 'ann')->fill('Password', PASSWORD)->click('main button', 'Register');
    $browser->is_at('/upload', 'then one is logged in, and where one wanted to go');
    $browser->find('a', 'ann');
    $browser->script('localStorage.clear()');
    $browser->reload->find('a', '#' . $site->sql('SELECT id FROM users'));
    $browser->follow('Settings')->press('Log out')->follow('Log in')->fill('Name', 'ann')->fill('Password', PASSWORD)
        ->click('main button', 'Log in')->find('a', 'ann');
    $browser->follow('Upload');
};

subtest 'uploading' => sub {
    my $wrong = $site->folder . '/notes.mp4';
    open my $file, '>', $wrong or die "cannot write $wrong: $!\n";
    print {$file} 'no film ' x 100;
    close $file;
    $browser->fill('Title', 'x')->click('main button', 'Upload')->sees('Choose a film first.');
    $browser->choose($wrong)->click('main button', 'Upload')->sees('Wrong type of file', 'what is no film is refused, in words');
    $browser->choose(Site::Media::path($site->folder, 'large.mp4', 2_000_000))->click('main button', 'Upload')
        ->sees('Too large', 'so is what is too large');
    $browser->choose($FILM)->click('main button', 'Upload');
    $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', 'a film is taken');
    $video = $browser->path;
    is scalar(@{$site->get('/api/videos')->json}), 1, 'all tries were of one video';
    $site->get('/stream/videos/' . id())->is(200);
};

subtest 'watching' => sub {
    $browser->reload->press('Play');
    plays('the film plays');
    $browser->soon('return !document.querySelector(".cover")', 'and is not covered any more');
    $browser->script('document.querySelector("video").pause(); document.querySelector("video").currentTime = 1');
    $browser->soon('const v = document.querySelector("video"); return !v.seeking && v.readyState >= 2 && Math.abs(v.currentTime - 1) < 0.1',
        'one can go to the middle');
    plays('and on from there');
    $site->soon(sub { $site->get('/api/videos/' . id())->json->{views} == 2 }, 'who has watched is counted, here and before', 60);
    $browser->reload->sees('2 views', 'which is seen');
    my $folder = $site->folder . '/downloads';
    $browser->devtools('Browser.setDownloadBehavior', behavior => 'allow', downloadPath => $folder);
    $browser->click('a[href$="?download=1"]');
    $site->soon(sub { -s "$folder/x.webm" }, 'it can be downloaded, under its title', 60);
    is content("$folder/x.webm"), content($FILM), 'as it was uploaded';
};

subtest 'the picture' => sub {
    my $poster = "/stream/videos/" . id() . '/poster';
    is $site->get('/api/videos/' . id())->json->{poster_url}, $poster, 'came with the film';
    my $picture = $site->get($poster)->is(200)->header_is('Content-Type', 'image/jpeg')->body;
    cmp_ok length $picture, '<=', 512 * 1024, 'small';
    for my $path ('/', "/videos/" . id()) {
        $browser->go($path)->soon('const i = document.querySelector("main img"); return i?.complete && i.naturalWidth > 0', "is shown at $path");
        cmp_ok $browser->script('return document.querySelector("main img").naturalWidth'), '<=', 640, 'no larger than it has to be';
        is $browser->script('return new URL(document.querySelector("main img").src).pathname'), $poster, 'by its address';
    }
    # The first frames of the test picture are colourful, which one that is drawn before there is a frame is not.
    cmp_ok $browser->script(<<'JS'), '>', 20, 'and is a frame of the film';
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
    is scalar(@{$site->get('/api/videos/' . id() . '/comments')->json->{comments}}), 1, 'a double click makes one comment';
    is $browser->script('return document.querySelectorAll(".comments li").length'), 1, 'which is seen once';
    $browser->fill('Your comment', 'Another.')->press('Comment')->sees('Another.');
    $browser->press(q{Delete ann’s comment});
    $browser->click('dialog button', 'Cancel')->sees('Another.', 'one can think better of it');
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
    $browser->fill('Your comment', 'Sent twice.')->press('Comment')->sees('The server doesn’t answer', 'an answer that is lost is told');
    $browser->press('Comment')->soon('return window.keys.length === 2', 'one sends it again');
    $browser->sees('Sent twice.');
    is $browser->script('return new Set(window.keys).size'), 1, 'under the same key';
    is scalar(@{$site->get('/api/videos/' . id() . '/comments')->json->{comments}}), 2, 'so it is there once';
    $browser->press(q{Delete ann’s comment})->click('dialog button', 'Delete')->sees_not('Sent twice.');
    $browser->reload->sees('Lovely colours.')->sees_not('Another.');
};

subtest 'editing' => sub {
    my $buttons = 'return Array.from(document.querySelectorAll(".words :is(button, .button)"), (button) => button.innerText.replace(/ .*/, "")).join()';
    is $browser->script($buttons), 'Download,Edit,Delete', 'the buttons of the owner';
    $browser->press('Edit')->find('button', 'Save');
    is $browser->script($buttons), 'Save,Cancel', 'are gone while one edits';
    $browser->fill('Title', 'Test card')->press('Cancel')->sees_not('Test card');
    is $browser->script($buttons), 'Download,Edit,Delete', 'and there again afterwards';
    $browser->press('Edit')->fill('Title', 'Test card')->fill('Description', "Two seconds\nof colours.")->press('Save');
    $browser->sees("Two seconds\nof colours.")->sees('Saved.');
    is $site->get('/api/videos/' . id())->json->{title}, 'Test card', 'the server knows';
    $browser->soon('return document.title.startsWith("Test card")', 'so does the window');
};

subtest 'text is text' => sub {
    $browser->press('Edit')->fill('Title', $EVIL)->fill('Description', $EVIL)->press('Save')->sees('Saved.');
    $browser->fill('Your comment', $EVIL)->press('Comment');
    $browser->soon('return document.querySelectorAll(".comments li").length === 2', 'the comment is there');
    my $evil = $site->user($EVIL =~ s/^(.{38}).*/$1/r);
    $evil->post('/api/videos/' . id() . '/comments', {content => 'By a name.'})->is(201);
    for my $path ('/', $video, '/users/' . $evil->id, '/?q=' . $EVIL =~ s/([^\w])/sprintf '%%%02x', ord $1/ger) {
        $browser->go($path)->soon('return !document.querySelector("main[aria-busy]") && document.querySelector("h1")', "$path is there");
        is $browser->script('return document.querySelectorAll("main img:not([src^=\\"/stream/\\"]), main script").length'), 0, 'nothing of it is markup';
        isnt $browser->script('return document.title'), 'evil', 'nothing has run';
    }
    $browser->go($video)->sees($EVIL, 'it is shown as it was typed');
    $browser->press('Edit')->fill('Title', 'Test card')->press('Save')->sees('Saved.');
};

subtest 'finding one' => sub {
    $site->user('mei')->post('/api/videos', {title => '西湖的雨天'})->is(201);
    $browser->go('/')->fill('Search videos', 'card')->press('Search')->sees('Videos with “card”')->sees('Test card');
    is $browser->script('return document.querySelector("[type=search]").value'), 'card', 'the words can still be read where they were typed';
    $browser->fill('Search videos', 'nothing like it')->press('Search')->sees('No video has these words');
    $browser->back->sees('Videos with “card”', 'the back button works')->sees('Test card');
    $browser->follow('Test card')->is_at($video)->back->is_at('/?q=card');
    $browser->click('a', 'video-server')->is_at('/')->sees('Newest videos');
};

subtest 'many videos' => sub {
    my $mei = $site->user('mei');
    Gallery::add_films($mei, 60);
    $browser->go('/users/' . $mei->id)->sees('Film 1');
    $browser->soon('scrollTo(0, document.body.scrollHeight); return document.querySelectorAll(".card").length >= 60',
        'scrolling shows all of them');
    is $browser->script('return new Set(Array.from(document.querySelectorAll(".card h2 a"), (a) => a.href)).size'), 61, 'each once';
};

subtest 'addresses' => sub {
    $browser->expect_console(qr/the server responded with a status of 404/);
    $browser->go('/videos/999999')->sees('Not found');
    $browser->go('/nothing/at/all')->sees('Not found')->follow('To the newest videos')->is_at('/');
    $browser->go("$video/")->sees('Test card', 'with a trailing slash');
};

subtest 'sessions' => sub {
    my $other = $site->user('ann', PASSWORD);
    $browser->go('/settings')->sees('This browser');
    my $count = 'return document.querySelectorAll(".rows li").length';
    $browser->soon("$count >= 2", 'the other session is there');
    my $before = $browser->script($count);
    is $browser->script('return document.querySelectorAll(".rows button").length'), $before - 1, 'all but one’s own can be ended here';
    $browser->click('.rows button')->sees('The session has ended.');
    is $browser->script($count), $before - 1, 'and is not shown any more';
    $other->get('/api/sessions')->is(401, 'it has');
    $browser->expect_console(qr/the server responded with a status of 401/);
    $site->sql('DELETE FROM sessions');
    $browser->follow('Settings')->sees('Your session has ended. Please log in again.')->is_at('/login?next=%2Fsettings');
    $browser->find('#header a', 'Log in');
    is $browser->script('return document.cookie'), '', 'of which nothing is left here';
    $browser->fill('Name', 'ann')->fill('Password', PASSWORD)->click('main button', 'Log in')->is_at('/settings', 'logged in again, one goes on');
};

subtest 'another password' => sub {
    my $other = $site->user('ann', PASSWORD);
    $browser->go('/settings')->fill('Old password', 'not this one')->fill('New password', 'fifteen green parrots')
        ->press('Change the password')->sees('the old password is wrong')->is_at('/settings', 'a wrong one does not log out');
    $browser->fill('Old password', PASSWORD)->press('Change the password')->sees('The password has been changed.');
    $other->get('/api/sessions')->is(401, 'other sessions have ended');
    $browser->soon('return document.querySelectorAll(".rows li").length === 1', 'this one is the only one');
    $site->user('ann', 'fifteen green parrots');
};

subtest 'the end' => sub {
    $browser->go($video)->press('Delete');
    $browser->click('dialog button', 'Delete')->sees('The video has been deleted.')->sees_not('Test card');
    $site->get('/api/videos/' . id())->is(404);
    $browser->press('Log out')->sees('You have logged out.')->is_at('/')->sees_not('You have logged out.', 'which is not said for long');
    is $browser->script('return document.cookie'), '', 'no cookie is left';
    $browser->go('/settings')->is_at('/login?next=/settings', 'and nothing of the account is shown');
};

$browser->expect_console(qr/status of 4(?:01|13|15)/);
$site->expect_log(qr/client intended to send too large body/);
$browser->stop;
done_testing;
