package Browser;

# Drives headless Chromium through chromedriver (https://www.w3.org/TR/webdriver2/).
# Elements are found by their accessible name. Each lookup and assertion retries for
# WAIT_SECONDS.
#
#   my $browser = Browser->start($site);
#   $browser->go('/')->follow('Log in');
#   $browser->fill('Username', 'ann')->fill('Password', '…')->press('Log in');
#   $browser->sees('Newest videos');
#
# stop ends the browser and fails the test if a page has logged an error or warning on the
# console that no expect_console allows.

use v5.36;

use Cwd         ();
use HTTP::Tiny  ();
use JSON::PP    ();
use MIME::Base64 qw(decode_base64);
use POSIX       ();
use Test::More  ();
use Time::HiRes qw(sleep time);

use Runner::Command;
use Scratch;
use Site::Port;
use Site::Processes;

use constant {
    ELEMENT       => 'element-6066-11e4-a52e-4f735466cecf',
    WAIT_SECONDS  => 60,
    TABS_MAX      => 60,
    TAB           => "\x{e004}",
    ENTER         => "\x{e007}",
    ESCAPE        => "\x{e00c}",
    START_SECONDS => 120,
};

# On a busy machine the home page's scripts may run seconds after the preload has
# finished.
my $SLOW = qr/was preloaded using link preload but not used within a few seconds/;

my $JSON = JSON::PP->new->utf8->allow_nonref;

# Starts a browser. Options: language (en), theme (light or dark), width, height, phone (a
# narrow touch screen), network (records requests, see `requests`), no_storage (blocks
# cookies and storage).
sub start ($class, $site, %options) {
    my $self = bless {site => $site, %options, allowed => [$SLOW], test => $$}, $class;
    $self->{folder} = Scratch::folder('browser');
    $self->{port} = Site::Port::free();
    $self->{http} = HTTP::Tiny->new(timeout => 120);
    $self->_spawn;
    my $deadline = time + START_SECONDS;
    until (($self->{http}->get("http://127.0.0.1:$self->{port}/status")->{content} // '') =~ /"ready":\s*true/) {
        die "chromedriver does not start; see $self->{folder}\n" if time > $deadline;
        sleep 0.05;
    }
    $self->{session} = $self->_call('POST', '/session', {capabilities => {alwaysMatch => $self->_capabilities}})->{sessionId};
    return $self;
}

sub _capabilities ($self) {
    my $size = join ',', $self->{width} // 1280, $self->{height} // 900;
    my @arguments = (
        '--headless=new', '--disable-gpu', '--disable-dev-shm-usage', "--window-size=$size", '--autoplay-policy=no-user-gesture-required',
        '--disable-component-update', '--disable-background-networking', '--mute-audio', '--force-color-profile=srgb',
        "--lang=" . ($self->{language} // 'en'), "--user-data-dir=$self->{folder}/profile",
        $> == 0 ? '--no-sandbox' : (), ($self->{theme} // 'light') eq 'dark' ? '--blink-settings=preferredColorScheme=0' : (),
    );
    my %options = (
        args  => \@arguments,
        prefs => {
            'intl.accept_languages' => $self->{language} // 'en',
            $self->{no_storage} ? ('profile.default_content_setting_values.cookies' => 2) : (),
        },
        $self->{phone} ? (mobileEmulation => {deviceMetrics => {width => 390, height => 844, pixelRatio => 2}}) : (),
    );
    return {browserName => 'chrome', 'goog:chromeOptions' => \%options, 'goog:loggingPrefs' => {browser => 'ALL', $self->{network} ? (performance => 'ALL') : ()}};
}

sub _spawn ($self) {
    open my $null, '<', '/dev/null' or die "cannot open /dev/null: $!\n";
    open my $log, '>', "$self->{folder}/chromedriver.log" or die "cannot write $self->{folder}: $!\n";
    $self->{pid} = fork // die "cannot fork: $!\n";
    return if $self->{pid};
    @ENV{qw(HOME TMPDIR)} = ($self->{folder}) x 2;
    Runner::Command::become(['setpriv', '--pdeathsig=TERM', '--', 'chromedriver', "--port=$self->{port}"], $null, $log);
}

# Sends a command to chromedriver and returns the value of its response. Dies on an error;
# with may_fail it returns undef.
sub _call ($self, $method, $path, $body = undef, $may_fail = 0) {
    my %options = $method eq 'POST' ? (content => $JSON->encode($body // {}), headers => {'Content-Type' => 'application/json'}) : ();
    my $url = "http://127.0.0.1:$self->{port}" . ($self->{session} ? "/session/$self->{session}" : '') . $path;
    my $response = $self->{http}->request($method, $url, \%options);
    my $value = eval { $JSON->decode($response->{content})->{value} };
    return $value if $response->{success};
    return if $may_fail;
    die "chromedriver: $method $path: " . (ref $value ? "$value->{error}: $value->{message}" : $response->{content}) . "\n";
}

# --- navigation

sub go ($self, $path) {
    $self->_call('POST', '/url', {url => 'http://localhost:' . $self->{site}->port . $path});
    return $self;
}

sub reload  ($self) { $self->_call('POST', '/refresh'); return $self }
sub back    ($self) { $self->_call('POST', '/back');    return $self }
sub forward ($self) { $self->_call('POST', '/forward'); return $self }

sub path ($self) { return $self->script('return location.pathname + location.search') }

# --- page content

# Runs the body of a function in the page and returns its result.
sub script ($self, $code, @arguments) {
    return $self->_call('POST', '/execute/sync', {script => $code, args => \@arguments});
}

# Runs the body of an async function and returns what its promise resolves to, or the
# error as a string.
sub promise ($self, $code, @arguments) {
    return $self->_call('POST', '/execute/async',
        {script => "const done = arguments[arguments.length - 1]; (async (...args) => { $code })(...arguments).then(done, (e) => done(String(e)))",
            args => \@arguments});
}

sub text ($self) { return $self->script('return document.body.innerText') }

# The first visible element that matches the selector `kind` and has that name: its text,
# its label or its aria-label. Waits for it; dies when it doesn't appear.
sub find ($self, $kind, $name = undef) {
    my $deadline = time + WAIT_SECONDS;
    while (1) {
        my $found = $self->script(<<'JS', $kind, $name);
            const [kind, name] = arguments;
            // Text hidden from screen readers, such as an avatar's letter, is not part of the name.
            const hidden = (element) => Array.from(element.querySelectorAll('[aria-hidden="true"]'), (part) => part.textContent).join('');
            const named = (element) => name === null || [element.getAttribute('aria-label'), element.innerText?.replace(hidden(element), ''),
                ...Array.from(element.labels ?? [], (label) => label.innerText)].some((text) => text?.trim() === name);
            if (document.querySelector('main[aria-busy]')) return null;
            const shown = (element) => element.type === 'file' || element.checkVisibility();
            return Array.from(document.querySelectorAll(kind)).find((element) => shown(element) && named(element)) ?? null;
JS
        return $found->{+ELEMENT} if $found;
        die "there is no $kind" . (defined $name ? " with the name '$name'" : '') . ' at ' . $self->path . ":\n" . $self->text . "\n"
            if time > $deadline;
        sleep 0.05;
    }
}

# --- actions

# Performs steps on an element. Retries when the page has replaced or covered the element
# meanwhile.
sub _do ($self, $kind, $name, @steps) {
    for my $try (1 .. 5) {
        my $element = $self->find($kind, $name);
        return $self if eval { $self->_call('POST', "/element/$element/$_->[0]", $_->[1] // {}) for @steps; 1 };
        die $@ if $@ !~ /stale element|click intercepted/ || $try == 5;
        sleep 0.1;
    }
    return;
}

sub click ($self, $kind, $name = undef) { return $self->_do($kind, $name, ['click']) }

sub press  ($self, $name) { return $self->click('button', $name) }
sub follow ($self, $name) { return $self->click('a', $name) }

# Replaces the text of the field with that label.
sub fill ($self, $label, $text) { return $self->_do('input, textarea', $label, ['clear'], ['value', {text => $text}]) }

# Chooses a file in the first file input.
sub choose ($self, $path) { return $self->_do('input[type=file]', undef, ['value', {text => Cwd::realpath($path)}]) }

# Presses keys in the focused element.
sub keys ($self, $keys) {
    my @actions = map { my $key = $_; map { {type => $_, value => $key} } qw(keyDown keyUp) } split //, $keys;
    $self->_call('POST', '/actions', {actions => [{type => 'key', id => 'keyboard', actions => \@actions}]});
    return $self;
}

# The name of the focused element.
sub focused ($self) {
    return $self->script(<<'JS');
        const element = document.activeElement;
        return (element.getAttribute('aria-label') || element.labels?.[0]?.innerText || element.innerText).trim();
JS
}

# Presses Tab until the element of that name has the focus.
sub tab_to ($self, $name) {
    my @passed;
    for (1 .. TABS_MAX) {
        $self->keys(TAB);
        push @passed, $self->focused;
        return $self if $passed[-1] eq $name;
    }
    die "Tab does not lead to '$name', but to: " . join(', ', @passed) . "\n";
}

# Runs a DevTools command (https://chromedevtools.github.io/devtools-protocol/).
sub devtools ($self, $command, %parameters) {
    return $self->_call('POST', '/goog/cdp/execute', {cmd => $command, params => \%parameters});
}

# Emulates a viewport and the system's colour theme: {theme, width, height}.
sub emulate ($self, $view) {
    $self->devtools('Emulation.setEmulatedMedia', features => [{name => 'prefers-color-scheme', value => $view->{theme}}]);
    $self->devtools('Emulation.setDeviceMetricsOverride', %$view{qw(width height)}, deviceScaleFactor => 1,
        mobile => $view->{width} < 500 ? JSON::PP::true : JSON::PP::false);
    return $self->soon('return innerWidth === arguments[0] && document.documentElement.dataset.theme === arguments[1]',
        "the page shows at $view->{width} px, $view->{theme}", @$view{qw(width theme)});
}

# Saves a screenshot of the whole page, not only of the viewport.
sub screenshot ($self, $path) {
    open my $file, '>:raw', $path or die "cannot write $path: $!\n";
    my $size = $self->devtools('Page.getLayoutMetrics')->{cssContentSize};
    my $all = {x => 0, y => 0, width => $size->{width}, height => $size->{height}, scale => 1};
    print {$file} decode_base64($self->devtools('Page.captureScreenshot', captureBeyondViewport => JSON::PP::true, clip => $all)->{data});
    close $file or die "cannot write $path: $!\n";
    return $self;
}

# The requests that pages have sent since the last call, in order: {url, method, by,
# from}. `by` is the initiator's type (parser, script, preload or other), `from` its URL
# if there is one.
sub requests ($self) {
    my @events = map { $JSON->decode($_->{message})->{message} } @{$self->_call('POST', '/se/log', {type => 'performance'})};
    return map {
        my ($request, $initiator) = @{$_->{params}}{qw(request initiator)};
        {
            url    => $request->{url},
            method => $request->{method},
            by     => $initiator->{type},
            from   => $initiator->{url} // $initiator->{stack}{callFrames}[0]{url},
        };
    } grep { $_->{method} eq 'Network.requestWillBeSent' && $_->{params}{documentURL} =~ /^http:/ } @events;
}

# --- assertions

# Waits until the script returns something true.
sub soon ($self, $code, $name, @arguments) {
    my $deadline = time + WAIT_SECONDS;
    my $good;
    until ($good = $self->script($code, @arguments)) {
        last if time > $deadline;
        sleep 0.05;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok($good, $name) or Test::More::diag('at ' . $self->path . ":\n" . $self->text);
    return $self;
}

sub sees ($self, $text, $name = "the page shows '$text'") {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->soon('return document.body.innerText.includes(arguments[0])', $name, $text);
}

sub sees_not ($self, $text, $name = "the page does not show '$text'") {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->soon('return !document.body.innerText.includes(arguments[0])', $name, $text);
}

sub is_at ($self, $path, $name = "the page is $path") {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->soon('return location.pathname + location.search === arguments[0] && !document.querySelector("main[aria-busy]")', $name, $path);
}

# Allows console messages that match.
sub expect_console ($self, @patterns) {
    push @{$self->{allowed}}, @patterns;
    return $self;
}

# Ends the browser; see above.
sub stop ($self) {
    my @wrong = map { "$_->{level}: $_->{message}" } grep { $_->{level} =~ /SEVERE|WARNING/ } @{$self->_call('POST', '/se/log', {type => 'browser'})};
    @wrong = grep { my $line = $_; !grep { $line =~ $_ } @{$self->{allowed}} } @wrong;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok(!@wrong, 'the browser logged no unexpected errors') or Test::More::diag(join "\n", @wrong);
    $self->_end;
    return;
}

sub _end ($self) {
    my $pid = delete $self->{pid} or return;
    $self->_call('DELETE', '', undef, 1) if $self->{session} && $self->{http};    # HTTP::Tiny may be gone in global destruction
    kill 'TERM', $pid;
    waitpid $pid, 0;
    Site::Processes::kill_using($self->{folder});    # what the driver did not end
    Scratch::remove($self->{folder});
    return;
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    $self->_end if $$ == $self->{test};
    return;
}

1;
