# Form input is neither lost nor submitted twice.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/../lib";
use Site;
use Browser;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output);

use constant PASSWORD => 'correct horse battery';

my $site = Site->start;
my $browser = Browser->start($site);
my $bob = $site->user('bob');
my $video = '/videos/' . $bob->post('/api/videos', {title => 'Swifts'})->is(201)->json->{id};

# Clicks a button twice, before the first click has an effect.
sub double_click ($name) {
    $browser->find('main button', $name);
    $browser->script(<<'JS', $name);
        const button = Array.from(document.querySelectorAll('main button')).find((element) => element.innerText === arguments[0]);
        button.click();
        button.click();
JS
    return $browser;
}

# The next response to a request with that method and path is lost.
sub lose_response ($method, $path) {
    $browser->script(<<'JS', $method, $path);
        const [method, path] = arguments;
        const send = window.fetch;
        window.fetch = async (url, options) => {
          const response = await send(url, options);
          if (options?.method !== method || url !== path) return response;
          window.fetch = send;
          throw new TypeError('lost');
        };
JS
    return;
}

# Requests to paths that start with the prefix get no response.
sub hold_responses ($prefix) {
    $browser->script(<<'JS', $prefix);
        const prefix = arguments[0];
        const send = window.fetch;
        window.fetch = (url, options) => (url.startsWith(prefix) ? new Promise(() => {}) : send(url, options));
JS
    return;
}

sub log_in ($name, $password = PASSWORD) {
    return $browser->fill('Username', $name)->fill('Password', $password)->click('main button', 'Log in');
}

# The value of the first element that matches.
sub value ($selector) { return $browser->script('return document.querySelector(arguments[0]).value', $selector) }

sub registrations ($status) { return scalar(my @lines = $site->log_lines(qr{method=POST route=/api/users status=$status})) }

subtest 'registering' => sub {
    $browser->go('/register')->fill('Username', 'ann')->fill('Password', PASSWORD);
    double_click('Register');
    $browser->is_at('/')->find('a', 'ann');
    is registrations(201), 2, 'a double click creates one account, besides bob’s';
    is registrations(409), 0, 'no registration is rejected';
    is $browser->script('return document.querySelector(".error")?.innerText ?? ""'), '', 'no error is shown';
    $browser->press('Log out')->sees('You have logged out.');

    $browser->go('/register')->fill('Username', 'mei')->fill('Password', PASSWORD);
    lose_response('POST', '/api/users');
    $browser->click('main button', 'Register')->sees('Can’t reach the server', 'a lost response is reported');
    $browser->click('main button', 'Register')->is_at('/')->find('a', 'mei');
    is registrations(409), 0, 'submitting again is no conflict with the account already created';
    $browser->press('Log out')->sees('You have logged out.');

    $browser->go('/register')->fill('Username', 'mei')->fill('Password', 'another one’s password')->click('main button', 'Register');
    $browser->sees('the user name is taken', 'a taken name is rejected');
    $browser->go('/login');
    log_in('ann')->is_at('/');
};

subtest 'a comment' => sub {
    $browser->go($video)->fill('Your comment', "Two lines,\nwith care.");
    $site->sql('DELETE FROM sessions');
    $browser->press('Comment')->sees('Your session has ended. Please log in again.')->is_at('/login?next=%2Fvideos%2F' . $video =~ s/\D//gr);
    log_in('ann')->is_at($video)->find('textarea', 'Your comment');
    is value('textarea'), "Two lines,\nwith care.", 'the text survives the end of the session';
    $browser->reload->find('textarea', 'Your comment');
    is value('textarea'), "Two lines,\nwith care.", 'the text survives a reload';
    $browser->press('Comment')->sees('with care.')->soon('return document.querySelectorAll(".comments li").length === 1', 'the text can be posted');
    $browser->reload->find('textarea', 'Your comment');
    is value('textarea'), '', 'the draft is deleted once posted';

    $browser->fill('Your comment', 'Of ann alone.')->press('Log out')->sees('You have logged out.');
    $browser->go("/login?next=$video");
    log_in('ann')->is_at($video)->find('textarea', 'Your comment');
    is value('textarea'), '', 'logging out deletes the draft';
    $browser->fill('Your comment', 'Of ann alone.');
    $site->sql('DELETE FROM sessions');
    $browser->press('Comment')->sees('Please log in again.');
    log_in('mei')->is_at($video)->find('textarea', 'Your comment');
    is value('textarea'), '', 'another user does not see the draft';
};

subtest 'editing a video' => sub {
    $browser->press('Log out')->is_at('/')->go("/login?next=$video");
    log_in('bob', $site->PASSWORD)->is_at($video)->press('Edit')->fill('Title', 'Swifts and swallows');
    $site->sql('DELETE FROM sessions');
    $browser->press('Save')->sees('Please log in again.');
    log_in('bob', $site->PASSWORD)->is_at($video)->press('Edit')->find('input', 'Title');
    is value('main input'), 'Swifts and swallows', 'the edit survives the end of the session';
    $browser->press('Cancel')->press('Edit')->find('input', 'Title');
    is value('main input'), 'Swifts', 'Cancel discards the edit';
};

subtest 'an upload form' => sub {
    $browser->go('/upload')->fill('Title', 'Martins')->fill('Description', 'Not swifts.');
    $browser->choose("$FindBin::Bin/../media/testcard.webm");
    $site->sql('DELETE FROM sessions');
    $browser->click('main button', 'Upload')->sees('Please log in again.');
    log_in('bob', $site->PASSWORD)->is_at('/upload')->find('textarea', 'Description');
    is value('main input[name=title]') . value('textarea'), 'MartinsNot swifts.', 'title and description survive the end of the session';
    $browser->choose("$FindBin::Bin/../media/testcard.webm");
    hold_responses('/api/videos/');
    double_click('Upload');
    $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', 'the upload completes');
    $browser->go('/upload')->find('input', 'Title');
    is value('main input[name=title]') . value('textarea'), '', 'the draft is deleted once the upload is complete, even before the video page loads';
    is scalar(grep { $_->{title} eq 'Martins' } @{$site->get('/api/videos')->json}), 1, 'a double click creates one video';
};

subtest 'drag and drop' => sub {
    $browser->go('/upload')->find('input', 'Title');
    $browser->script(<<'JS');
        const data = new DataTransfer();
        data.items.add(new File(['no data'], 'Swallows at dusk.mp4', {type: 'video/mp4'}));
        const zone = document.querySelector('.drop');
        for (const kind of ['dragover', 'drop']) zone.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
JS
    $browser->sees('Swallows at dusk.mp4 (7 B)', 'the dropped file is chosen');
    is value('main input[name=title]'), 'Swallows at dusk', 'the file name becomes the default title';
    $browser->click('main button', 'Upload')->sees('Unsupported file type', 'the dropped file is sent');
};

subtest 'conflicting edits' => sub {
    $browser->go($video)->press('Edit')->fill('Title', 'Mine');
    $site->user('bob')->patch("/api$video", {title => 'From another window'})->is(200);
    $browser->press('Save')->sees('Couldn’t complete the request', 'an edit of an outdated version is rejected');
    is $site->get("/api$video")->json->{title}, 'From another window', 'the earlier edit stays';
    $browser->press('Cancel');
};

subtest 'permissions' => sub {
    for my $elsewhere ('//example.org/', '/%5Cexample.org/', 'https://example.org/') {
        $browser->press('Log out')->is_at('/')->go("/login?next=$elsewhere");
        log_in('ann')->is_at('/', 'login never redirects to another site');
    }
    $site->user('mei', PASSWORD)->post("/api$video/comments", {content => 'Of mei.'})->is(201);
    $browser->go($video)->sees('From another window')->sees('Of mei.');
    is $browser->script('return Array.from(document.querySelectorAll("main button"), (b) => b.innerText).filter((text) => /Edit|Delete/.test(text)).length'), 0,
        'other users’ videos have no Edit or Delete button';
    is $browser->script('return document.querySelectorAll(".comments .icon-button").length'), 1, 'a user can delete only their own comment';
};

subtest 'a browser without storage' => sub {
    my $strict = Browser->start($site, no_storage => 1);
    $strict->go('/')->sees('Newest videos', 'the site loads')->press('Switch theme');
    is $strict->script('return document.documentElement.dataset.theme'), 'dark', 'the theme can be switched';
    $strict->stop;
};

$browser->expect_console(qr/status of 4(?:01|09|12|15)/);
$browser->stop;
done_testing;
