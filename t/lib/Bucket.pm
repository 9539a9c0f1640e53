package Bucket;

# The token bucket of a running site, read from the file in its run folder. The layout is the one that
# fcgi-stream/bucket.c describes.
#
#   my $bucket = Bucket->new($site);
#   $bucket->in_use('stream');

use v5.36;

use constant {
    MAGIC        => 'vsbucket',
    VERSION      => 2,
    HEAD         => 'a8 L L Q Q Q',
    SLOTS_START  => 64,
    SLOT         => 'Q Q a16 l x4 Q Q q',
    SLOT_SIZE    => 64,
    SLOTS_A_KIND => 100_000,
    SLOTS_READ   => 1024,            # more than the tests have tokens
};

my %KIND  = (stream => 0, upload => 1);
my @STATE = qw(free claimed held);

sub new ($class, $site) { return bless {path => $site->run_path('bucket')}, $class }

# The slots of a kind that are not free: {state, worker, generation, request, nginx, nginx_start, client}.
sub slots ($self, $kind) {
    open my $file, '<:raw', $self->{path} or die "cannot open $self->{path}: $!\n";
    _check_head($file);
    my $bytes = _read_at($file, SLOTS_START + $KIND{$kind} * SLOTS_A_KIND * SLOT_SIZE, SLOTS_READ * SLOT_SIZE);
    return grep { $_->{state} ne 'free' } map { _slot($_) } unpack '(a' . SLOT_SIZE . ')*', $bytes;
}

sub in_use ($self, $kind = 'stream') { return scalar(my @slots = $self->slots($kind)) }

# Does to the first slot, which must be free, what the worker of this number does before it fills the slot in.
sub claim ($self, $kind, $worker) {
    open my $file, '+<:raw', $self->{path} or die "cannot open $self->{path}: $!\n";
    sysseek $file, SLOTS_START + $KIND{$kind} * SLOTS_A_KIND * SLOT_SIZE, 0;
    syswrite $file, pack 'Q', 1 << 56 | $worker;
    return;
}

# How far the journal has been read.
sub journal_offset ($self) {
    open my $file, '<:raw', $self->{path} or die "cannot open $self->{path}: $!\n";
    return _check_head($file)->[5];
}

sub _check_head ($file) {
    my @head = unpack HEAD, _read_at($file, 0, SLOTS_START);
    die "the bucket has another layout than this test knows\n"
        if $head[0] ne MAGIC || $head[1] != VERSION || $head[2] != SLOT_SIZE;
    return \@head;
}

sub _slot ($bytes) {
    my ($word, $client, $request, $nginx, undef, $nginx_start) = unpack SLOT, $bytes;
    return {
        state       => $STATE[$word >> 56],
        generation  => $word >> 32 & 0xff_ffff,
        worker      => $word & 0xffff_ffff,
        request     => unpack('H*', $request),
        nginx       => $nginx,
        nginx_start => $nginx_start,
        client      => $client,
    };
}

sub _read_at ($file, $offset, $length) {
    sysseek $file, $offset, 0;
    sysread($file, my $bytes, $length) // die "cannot read the bucket: $!\n";
    return $bytes;
}

1;
