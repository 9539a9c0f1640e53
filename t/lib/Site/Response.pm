package Site::Response;

# What the site answered, with the checks that tests make of it. Each check is one test and returns the
# response, so that checks can be chained.

use v5.36;

use JSON::PP ();
use Test::More ();

my %CODE_STATUS = (
    '001' => [400, 414, 416, 460], '002' => [413], '003' => [401],      '004' => [500, 503], '005' => [500],
    '006' => [403],           '007' => [404], '008' => [409, 412], '009' => [405],      '010' => [415],
    '011' => [429],           '012' => [503], '013' => [507],
);

# bytes: as they came. request: what was asked, for messages. site: for its logs.
sub new ($class, %about) {
    my ($head, $body) = split /\r\n\r\n/, $about{bytes}, 2;
    my ($status_line, @lines) = split /\r\n/, $head // '';
    my ($status) = ($status_line // '') =~ m{^HTTP/1\.[01] (\d{3})\b};
    my @headers = map { /^([^:\s]+):\s*(.*?)\s*$/ ? [lc $1, $2] : () } @lines;
    my $self = bless {%about, status => $status // 0, head => $head // '', headers => \@headers}, $class;
    my $coding = $self->header('Transfer-Encoding') // '';
    $self->{body} = $coding eq 'chunked' ? _unchunk($body // '') : $body // '';
    return $self;
}

sub status ($self) { return $self->{status} }    # 0 when there was no answer
sub body   ($self) { return $self->{body} }
sub sent   ($self) { return $self->{sent} }      # bytes of the request's body that were sent

# The header's value, the first when it came more than once; in a list all of them.
sub header ($self, $name) {
    my @values = map { $_->[1] } grep { $_->[0] eq lc $name } @{$self->{headers}};
    return wantarray ? @values : $values[0];
}

sub json ($self) {
    my $data = eval { JSON::PP->new->utf8->allow_nonref->decode($self->{body}) };
    $self->_check(0, "the body of $self->{request} is JSON") if $@;
    return $data // {};
}

# --- checks

sub is ($self, $status, $name = undef) {
    return $self->_check($self->{status} == $status, $name // "$self->{request}: $status", "wanted $status");
}

sub header_is ($self, $header, $value, $name = undef) {
    my $got = $self->header($header);
    my $same = defined $value ? defined $got && $got eq $value : !defined $got;
    return $self->_check($same, $name // "$self->{request}: $header", "wanted $header: " . ($value // '(none)'));
}

sub header_like ($self, $header, $pattern, $name = undef) {
    my $got = $self->header($header) // '';
    return $self->_check(scalar($got =~ $pattern), $name // "$self->{request}: $header", "wanted $header like $pattern");
}

sub body_is ($self, $bytes, $name = undef) {
    return $self->_check($self->{body} eq $bytes, $name // "$self->{request}: body",
        sprintf 'wanted a body of %d bytes, got %d%s', length $bytes, length $self->{body},
        length $bytes == length $self->{body} ? ' others' : '');
}

# The body is this JSON, with these types and nothing more. A pattern stands for a string that matches it.
sub json_is ($self, $wanted, $name = undef) {
    my $json = JSON::PP->new->canonical->allow_nonref;
    my $got = $self->json;
    my $text = $json->encode(_settle($wanted, $got));
    return $self->_check($json->encode($got) eq $text, $name // "$self->{request}: body", "wanted $text");
}

# What is wanted, with the patterns replaced by what matches them.
sub _settle ($wanted, $got) {
    my $kind = ref $wanted;
    if ($kind eq 'HASH') {
        my $members = ref $got eq 'HASH' ? $got : {};
        return {map { $_ => _settle($wanted->{$_}, $members->{$_}) } keys %$wanted};
    }
    if ($kind eq 'ARRAY') {
        my $elements = ref $got eq 'ARRAY' ? $got : [];
        return [map { _settle($wanted->[$_], $elements->[$_]) } 0 .. $#$wanted];
    }
    return $wanted if $kind ne 'Regexp';
    return defined $got && !ref $got && $got =~ $wanted ? "$got" : "$wanted";
}

sub like ($self, $pattern, $name = undef) {
    return $self->_check(scalar($self->{body} =~ $pattern), $name // "$self->{request}: body", "wanted a body like $pattern");
}

# A failure as the contract describes it.
sub problem ($self, $code, $name = undef) {
    my $problem = eval { JSON::PP->new->utf8->decode($self->{body}) } // {};
    my $status = $self->{status};
    my @wrong;
    push @wrong, "the status of code $code is @{$CODE_STATUS{$code}}" if !grep { $_ == $status } @{$CODE_STATUS{$code}};
    push @wrong, 'Content-Type is application/problem+json'
        if ($self->header('Content-Type') // '') ne 'application/problem+json';
    push @wrong, "error_code is $code"  if ($problem->{error_code} // '') ne $code;
    push @wrong, 'status is the status' if ($problem->{status} // 0) != $status;
    push @wrong, "there is $_" for grep { !length($problem->{$_} // '') } qw(type title error request_id);
    push @wrong, "there is no $_" for grep { !/^(?:type|title|status|detail|request_id|error|error_code)$/ } sort keys %$problem;
    push @wrong, 'request_id is X-Request-Id' if ($problem->{request_id} // '') ne ($self->header('X-Request-Id') // '');
    push @wrong, 'there is Retry-After'
        if ($status == 429 || $status == 503) && ($self->header('Retry-After') // '') !~ /^[1-9]\d*$/;
    return $self->_check(!@wrong, $name // "$self->{request}: problem $code", map { "wanted: $_" } @wrong);
}

# One test; when it fails, the request, the answer and what the logs have about it are shown.
sub _check ($self, $good, $name, @wanted) {
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    Test::More::ok($good, $name) and return $self;
    my $body = length $self->{body} > 2000 ? substr($self->{body}, 0, 2000) . '…' : $self->{body};
    $body =~ s/[^\x20-\x7e\n]/./g;
    Test::More::diag(join "\n", @wanted, "asked: $self->{request}", 'got: ' . ($self->{head} || 'no answer'), $body);
    my $id = $self->header('X-Request-Id');
    Test::More::diag(map { "log: $_" } $self->{site}->log_lines(qr/\Q$id/)) if $id && $self->{site};
    return $self;
}

sub _unchunk ($bytes) {
    my $body = '';
    while ($bytes =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $size = hex $1 or last;
        $body .= substr $bytes, 0, $size, '';
        $bytes =~ s/^\r\n//;
    }
    return $body;
}

1;
