package Bucket;

# The token bucket of a running site, read from the shared file in its run folder.
# fcgi-stream/tokens/bucket_layout.h describes the layout.
#
#   my $bucket = Bucket->new($site);
#   $bucket->in_use('stream');

use v5.36;

use constant {
    MAGIC         => 'vsbucket',
    VERSION       => 5,
    HEAD          => 'a8 L L x48 Q Q Q',
    HEAD_SIZE     => 128,
    SLOT          => 'a16 Q q l S S S a16 a16 x2 Q q',
    SLOT_SIZE     => 96,
    WORD_SIZE     => 8,
    SLOTS_PER_KIND => 100_000,
    KINDS         => 2,
    SLOTS_READ    => 1024,            # more slots than any test has tokens
};

my %KIND  = (stream => 0, upload => 1);
my @STATE = qw(free claimed held);

sub new ($class, $site) { return bless {path => $site->run_path('bucket')}, $class }

# The occupied slots of a kind: {state, worker, generation, request, nginx, nginx_start, client, video}.
sub slots ($self, $kind) {
    open my $file, '<:raw', $self->{path} or die "cannot open $self->{path}: $!\n";
    _check_head($file);
    my @words = unpack 'Q*', _read_at($file, _word_start($kind), SLOTS_READ * WORD_SIZE);
    my @taken = grep { $words[$_] >> 62 } 0 .. $#words;
    return map { _slot($words[$_], _read_at($file, _slot_start($kind, $_), SLOT_SIZE)) } @taken;
}

sub in_use ($self, $kind = 'stream') { return scalar(my @slots = $self->slots($kind)) }

# Claims the first slot, which must be free, as the worker with this pid does before it fills the slot in.
sub claim ($self, $kind, $worker) {
    open my $file, '+<:raw', $self->{path} or die "cannot open $self->{path}: $!\n";
    sysseek $file, _word_start($kind), 0;
    syswrite $file, pack 'Q', 1 << 62 | $worker;
    return;
}

# The offset up to which the supervisor has read the journal.
sub journal_offset ($self) {
    open my $file, '<:raw', $self->{path} or die "cannot open $self->{path}: $!\n";
    return _check_head($file)->[5];
}

sub _word_start ($kind) { return HEAD_SIZE + $KIND{$kind} * SLOTS_PER_KIND * WORD_SIZE }

# The state words and the client keys of all slots precede the slots.
sub _slot_start ($kind, $number) {
    my $first = HEAD_SIZE + 2 * KINDS * SLOTS_PER_KIND * WORD_SIZE;
    return $first + ($KIND{$kind} * SLOTS_PER_KIND + $number) * SLOT_SIZE;
}

sub _check_head ($file) {
    my @head = unpack HEAD, _read_at($file, 0, HEAD_SIZE);
    die "the layout of the bucket is not the one that this module reads\n"
        if $head[0] ne MAGIC || $head[1] != VERSION || $head[2] != SLOT_SIZE;
    return \@head;
}

sub _slot ($word, $bytes) {
    my ($request, $client, $video, $nginx, @connection) = unpack SLOT, $bytes;
    return {
        state       => $STATE[$word >> 62],
        generation  => $word >> 38 & 0xff_ffff,
        worker      => $word & 0x3f_ffff,
        request     => unpack('H*', $request),
        client      => $client,
        video       => $video,
        nginx       => $nginx,
        nginx_start => $connection[5],
    };
}

sub _read_at ($file, $offset, $length) {
    sysseek $file, $offset, 0;
    sysread($file, my $bytes, $length) // die "cannot read the bucket: $!\n";
    return $bytes;
}

1;
