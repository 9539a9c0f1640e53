# What one types is neither lost nor sent twice, whatever comes between.

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

# Clicks a button of the page twice before anything can come of it.
sub double_click ($name) {
    $browser->find('main button', $name);
    $browser->script(<<'JS', $name);
        const button = Array.from(document.querySelectorAll('main button')).find((element) => element.innerText === arguments[0]);
        button.click();
        button.click();
JS
    return $browser;
}

# The next answer to a request of that method and address gets lost on its way.
sub lose_answer ($method, $path) {
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

# No request to an address that begins so is answered any more.
sub hold_answer ($start) {
    $browser->script(<<'JS', $start);
        const start = arguments[0];
        const send = window.fetch;
        window.fetch = (url, options) => (url.startsWith(start) ? new Promise(() => {}) : send(url, options));
JS
    return;
}

sub log_in ($name, $password = PASSWORD) {
    return $browser->fill('Name', $name)->fill('Password', $password)->click('main button', 'Log in');
}

# The text of the first field of the kind.
sub value ($kind) { return $browser->script('return document.querySelector(arguments[0]).value', $kind) }

sub registrations ($status) { return scalar(my @lines = $site->log_lines(qr{method=POST route=/api/users status=$status})) }

subtest 'registering' => sub {
    $browser->go('/register')->fill('Name', 'ann')->fill('Password', PASSWORD);
    double_click('Register');
    $browser->is_at('/')->find('a', 'ann');
    is registrations(201), 2, 'a double click makes one account, beside that of bob';
    is registrations(409), 0, 'and is refused none';
    is $browser->script('return document.querySelector(".trouble")?.innerText ?? ""'), '', 'no trouble is seen';
    $browser->press('Log out')->sees('You have logged out.');

    $browser->go('/register')->fill('Name', 'mei')->fill('Password', PASSWORD);
    lose_answer('POST', '/api/users');
    $browser->click('main button', 'Register')->sees('The server doesn’t answer', 'an answer that is lost is told');
    $browser->click('main button', 'Register')->is_at('/')->find('a', 'mei');
    is registrations(409), 0, 'the account that was made all the same is one’s own';
    $browser->press('Log out')->sees('You have logged out.');

    $browser->go('/register')->fill('Name', 'mei')->fill('Password', 'another one’s password')->click('main button', 'Register');
    $browser->sees('the user name is taken', 'another’s name is refused');
    $browser->go('/login');
    log_in('ann')->is_at('/');
};

subtest 'a comment' => sub {
    $browser->go($video)->fill('Your comment', "Two lines,\nwith care.");
    $site->sql('DELETE FROM sessions');
    $browser->press('Comment')->sees('Your session has ended. Please log in again.')->is_at('/login?next=%2Fvideos%2F' . $video =~ s/\D//gr);
    log_in('ann')->is_at($video)->find('textarea', 'Your comment');
    is value('textarea'), "Two lines,\nwith care.", 'outlives the end of the session';
    $browser->reload->find('textarea', 'Your comment');
    is value('textarea'), "Two lines,\nwith care.", 'and a reload';
    $browser->press('Comment')->sees('with care.')->soon('return document.querySelectorAll(".comments li").length === 1', 'and can be sent');
    $browser->reload->find('textarea', 'Your comment');
    is value('textarea'), '', 'then it is not there any more';

    $browser->fill('Your comment', 'Of ann alone.')->press('Log out')->sees('You have logged out.');
    $browser->go("/login?next=$video");
    log_in('ann')->is_at($video)->find('textarea', 'Your comment');
    is value('textarea'), '', 'who logs out leaves nothing';
    $browser->fill('Your comment', 'Of ann alone.');
    $site->sql('DELETE FROM sessions');
    $browser->press('Comment')->sees('Please log in again.');
    log_in('mei')->is_at($video)->find('textarea', 'Your comment');
    is value('textarea'), '', 'another one does not get it';
};

subtest 'a change' => sub {
    $browser->press('Log out')->is_at('/')->go("/login?next=$video");
    log_in('bob', $site->PASSWORD)->is_at($video)->press('Edit')->fill('Title', 'Swifts and swallows');
    $site->sql('DELETE FROM sessions');
    $browser->press('Save')->sees('Please log in again.');
    log_in('bob', $site->PASSWORD)->is_at($video)->press('Edit')->find('input', 'Title');
    is value('main input'), 'Swifts and swallows', 'outlives it too';
    $browser->press('Cancel')->press('Edit')->find('input', 'Title');
    is value('main input'), 'Swifts', 'until one thinks better of it';
};

subtest 'what is to be uploaded' => sub {
    $browser->go('/upload')->fill('Title', 'Martins')->fill('Description', 'Not swifts.');
    $browser->choose("$FindBin::Bin/../media/testcard.webm");
    $site->sql('DELETE FROM sessions');
    $browser->click('main button', 'Upload')->sees('Please log in again.');
    log_in('bob', $site->PASSWORD)->is_at('/upload')->find('textarea', 'Description');
    is value('main input[name=title]') . value('textarea'), 'MartinsNot swifts.', 'has its words still';
    $browser->choose("$FindBin::Bin/../media/testcard.webm");
    hold_answer('/api/videos/');
    double_click('Upload');
    $browser->soon('return /^\/videos\/\d+$/.test(location.pathname)', 'and arrives');
    $browser->go('/upload')->find('input', 'Title');
    is value('main input[name=title]') . value('textarea'), '', 'which is when its words have gone, before the page of the video is there';
    is scalar(grep { $_->{title} eq 'Martins' } @{$site->get('/api/videos')->json}), 1, 'once, whatever one clicks';
};

subtest 'a film that is dropped' => sub {
    $browser->go('/upload')->find('input', 'Title');
    $browser->script(<<'JS');
        const data = new DataTransfer();
        data.items.add(new File(['no film'], 'Swallows at dusk.mp4', {type: 'video/mp4'}));
        const zone = document.querySelector('.drop');
        for (const kind of ['dragover', 'drop']) zone.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
JS
    $browser->sees('Swallows at dusk.mp4 (7 B)', 'is chosen');
    is value('main input[name=title]'), 'Swallows at dusk', 'its name is its title, until one says another';
    $browser->click('main button', 'Upload')->sees('Wrong type of file', 'it is this one that is sent');
};

subtest 'a change that comes too late' => sub {
    $browser->go($video)->press('Edit')->fill('Title', 'Mine');
    $site->user('bob')->patch("/api$video", {title => 'Of another window'})->is(200);
    $browser->press('Save')->sees('Not possible', 'does not undo the one before');
    is $site->get("/api$video")->json->{title}, 'Of another window', 'which stays';
    $browser->press('Cancel');
};

subtest 'what others have made' => sub {
    for my $elsewhere ('//example.org/', '/%5Cexample.org/', 'https://example.org/') {
        $browser->press('Log out')->is_at('/')->go("/login?next=$elsewhere");
        log_in('ann')->is_at('/', 'no log-in leads to another site');
    }
    $site->user('mei', PASSWORD)->post("/api$video/comments", {content => 'Of mei.'})->is(201);
    $browser->go($video)->sees('Of another window')->sees('Of mei.');
    is $browser->script('return Array.from(document.querySelectorAll("main button"), (b) => b.innerText).filter((text) => /Edit|Delete/.test(text)).length'), 0,
        'is theirs to edit and to delete';
    is $browser->script('return document.querySelectorAll(".comments .round").length'), 1, 'but one’s own comments are one’s own';
};

subtest 'a browser that keeps nothing' => sub {
    my $strict = Browser->start($site, forgetful => 1);
    $strict->go('/')->sees('Newest videos', 'shows the site')->press('Light or dark');
    is $strict->script('return document.documentElement.dataset.theme'), 'dark', 'in the other colours too';
    $strict->stop;
};

$browser->expect_console(qr/status of 4(?:01|09|12|15)/);
$browser->stop;
done_testing;
