"""How common a wording is in answers about programming: counts only, in bands of document frequency.

Derived from the prose (code taken out) of 8,518 answers in `so_python`: for each word and each run of 2 to 4
words, the share of answers that hold it at least once, rounded down to a band. No text of anybody is kept.
"""

from __future__ import annotations

WORDS: dict[float, str] = {
    0.10: """
        a all also an and are as at be but by can code could do don't example file first for from function
        get have here i if in instead is it it's just like list more need not of on one only or output
        python same see should so string that the then there this to use using value want way what when
        which will with would you your
    """,
    0.03: """
        about above access actually add after already always another answer any approach argument arguments
        because before being better between bit both built call called can't case change characters check
        class comprehension convert create data default dictionary different docs documentation does doesn't
        doing done each edit either element elements empty end error even every expression files find
        following functions generator give given good has here's how however index input inside instance
        integer into isn't iterate its key know last library line lists look looking loop make many may
        means method methods might module most much my name new no note now number object objects once order
        other out over part pass point possible print probably problem question rather read really result
        return returns run second set simple simply since single solution some something start statement
        still strings such sure take test than that's them these they thing think those through time try
        tuple two type up used uses values variable version very was we well where while why without work
        works write you'll you're
    """,
    0.01: """
        able achieve actual added adding again allow allows almost alternative alternatively although am
        answers anything anyway append apply around array assign assignment assume assuming attribute
        attributes automatically available avoid back base based basic basically been behavior below best
        binary block break build bytes calling calls cannot care cases changed changes character checking
        checks classes clear close comes command comment comments common compare comparison complete complex
        condition consider considered constructor contain containing contains context control copy correct
        correctly count course created creates creating csv current custom define defined definition demo
        depending desired details dict dictionaries did difference directly directory down easier easily
        easy efficient else encoding enough entire equal equivalent errors etc everything exactly examples
        except exception execute executed exist existing expect expected explanation explicitly expressions
        extra fact false faster few finally fine fix fixed follows form format formatting found full further
        general generate gets getting gives global go going got group had hand handle happens having help
        helps hope i'd i'm i've idea implement implementation implemented import important include including
        information install instances int integers interpreter issue item items iterable iterating iteration
        iterator itself join json keep keys keyword kind language languages large later least left length
        less let let's level lines link little local long looks loops lot made main makes making match
        matches matter maybe me mean memory mentioned message mode modify modules multiple must named names
        necessary needed needs nested never next nice non none normal nothing notice numbers numpy off often
        old open operation operations operator option optional options original os otherwise own package
        parameter parameters parse particular passed passing path pattern pep per perform performance place
        please present pretty previous printing prints problems process produce program provide provided
        provides put py python's pythonic quite raise random range re readable reading real reason recommend
        reference regex regular remove replace required requires results returned returning right running
        said sample save say script search seems sense separate sequence sets several short side similar
        size slice slightly small sort sorted source space spaces special specific specify split standard
        starting statements step store stored structure style subclass suggest suggested sum support syntax
        system takes task testing tests text their there's therefore things though thread three thus times
        together too top true trying tuples types under understand unique unless until update usage useful
        user usually valid variables versions via wanted ways were whatever whether whole windows within
        won't word words working wrap writing written wrong yes yet you'd you've yourself zero
    """,
    0.003: """
        absolute abstract accept accepted accepts accessed accessing accomplish according account across
        action addition additional additionally address adds advanced advantage affect against algorithm
        allowed along amount anymore anywhere api app appear appears appending application applied applies
        approaches appropriate arbitrary aren't arithmetic arrays ascii ask asked asking assigned assigning
        assigns associated assumes attempt average avoids aware away backslash backslashes bad become
        becomes beginning behave behaves behaviour behind believe benefit big bits blocks body boolean bound
        brackets breaking buffer bug building builtin bunch byte bytecode calculate callable came capture
        capturing careful cast catch cause certain chain changing checked child choice choose clause clean
        cleaner clearly client closed closing codes collection collections column columns combination
        combinations combine combined come coming comma commands commas compared comparing comparisons
        compatibility compatible compile compiled compiler completely complexity complicated comprehensions
        compute computer concatenate concatenation concept conditional conditions confusing connection
        consecutive considering console constant construct consume container content contents continue
        convention conversion converted converting converts copying core corresponding counter counting
        counts couple cpython creation currently database date datetime day days deal dealing debug
        debugging decide decimal declare decode decorator defaults defines defining definitely definitions
        delete depend depends deprecated described description descriptor design designed detail determine
        dicts didn't differences differently difficult digit digits direct directories disk display division
        django doc document documented double drop due duplicate duplicates during dynamic dynamically
        earlier easiest effect effectively effects eg elegant emphasis encode encoded ends ensure enter
        entirely entries entry enumerate environment equality escape escaped especially essentially evaluate
        evaluated evaluates event ever exact exceptions executable executes executing execution exhausted
        exists exit expects explain explained explains explicit extend extension external extract fail fails
        fairly far fast feature features feel field fields figure filename fill filter final finding finds
        finished firstly fit flag float floating floats folder follow followed forget formatted former
        forward four free fully functional functionality future garbage generally generated generates
        generators generic giving globals goes great greater groups guaranteed guess handled handler handles
        handling handy happen happening hard harder hash hashable haven't header helpful hence hex higher
        hold html http huge i'll id identical identity ignore image imagine immediately immutable
        implementations implementing implicit imported importing imports included includes incorrect
        increment indeed indentation independent indexes indexing indicate indicates indices individual
        inefficient infinite info inherit init initial initialize initialized inner inputs insert installed
        intend intended interactive interested interesting interface intermediate internal internally
        interpreted intersection introduced invoked issues it'll iterables iterates iterators itertools job
        keeping keeps keywords knowing known knows lambda larger latter lazy leading learn learning leave
        lets letter letters libraries likely limit limited linear liner linked links linux literal literals
        load loaded location log logging logic logical longer lookup looping lots lower lowercase machine
        magic maintain manager manual manually map mapping matched matching math max maximum meaning meant
        member members metaclass mind mine minimum missing mock model modified modifying mostly move multi
        multiprocessing mutable namespace native nd necessarily negative neither network newline newlines
        nor normally notation noted notes numeric obvious obviously occur occurrence occurrences occurs odd
        official ok older ones op opened opening operating operators opinion ordered ordering others our
        outer outputs outside override overwrite packages page pair pairs pandas parallel parent parentheses
        parser parsing particularly parts party paths people perfect perfectly performed perhaps personally
        pick pickle piece pipe places plain platform play plus pointed pointer pointing points pool position
        positional positive possibility possibly post posted powerful practice pre precision prefer
        preferred prefix preserve prevent printed processes processing produced produces product programming
        programs project prompt proper properly properties property protocol pure purpose putting pycharm
        query questions queue quick quickly quote quotes quoting raised raises ran raw rd readability reads
        reasons recipe recommended recursion recursive recursively reduce refer references refers regarding
        regardless related relative relevant rely remaining remember removed removes removing rename renamed
        repeat repeated repeatedly replaced replacement replacing represent representation request requests
        require respectively response rest resulting retrieve reverse rid robust root round row rows rule
        rules runs runtime safe safely says scope scripts searching seconds section security seeing seem
        seen select self semantics send separated separately separator sequences series server session
        setting setup share shared shell shorter shouldn't show shown shows sign signal signature
        significant similarly simpler simplest simplified simplify site situation skip slicing slow slower
        smaller snippet socket solutions solve solved someone sometimes somewhat somewhere soon sorting
        sorts sounds specifically specification specified specifying speed splitting square stack started
        starts state stated states static stdout steps stop stops stores storing str straight
        straightforward stream strip structures stuff sub sublist subprocess substring suggestion suggests
        supported supports suppose supposed suspect switch sys systems tab table taken taking target tasks
        technically tell tells temporary terminal terms tested th thanks themselves they're third thought
        threading threads throw tool tools total totally track trailing transform treat treated tree trick
        tricky tried tries trivial truth truthy turn turns tutorial twice txt typically typing ugly
        underlying underscore understanding unfortunately unicode unix unlike unnecessary unpack unpacking
        updated upon url us users usual utf various view vs wait warning we're what's whenever whereas
        whitespace who whose width wish worked worry worth wouldn't wrapped wrapper wrote xml yield yields
        zip
    """,
}

RUNS: dict[float, str] = {
    0.01: """
        generator_expression list_comprehension regular_expression standard_library
    """,
    0.002: """
        above_code absolute_path always_returns another_option base_class better_solution binary_mode
        built_in_function built_in_functions builtin_function call_the_function child_process
        class_definition close_the_file code_below code_output comma_separated command_line context_manager
        create_a_dictionary create_a_list create_a_new creates_a_new creating_a_new csv_file csv_module
        current_directory data_structure default_value define_a_function dict_comprehension
        dictionary_comprehension difference_between emphasis_mine empty_list empty_string empty_strings
        environment_variable error_message event_loop example_below example_output file_name file_object
        first_argument first_element first_example first_item first_line first_place first_time first_value
        floating_point following_code format_string function_call function_definition function_returns
        generator_function global_variable global_variables good_idea good_practice hope_this_helps
        input_file input_list input_string inside_the_loop keep_in_mind keep_track key_function key_value
        keyword_argument keyword_arguments last_element last_line left_to_right line_by_line
        list_comprehensions list_of_lists list_of_strings list_of_tuples little_bit local_variable low_level
        main_thread method_returns multiple_times need_to_add need_to_change need_to_check need_to_convert
        need_to_create need_to_iterate need_to_know nested_list new_line new_list new_object new_string
        non_empty number_of_elements numpy_array official_documentation open_the_file original_list os_path
        output_file positional_arguments print_statement pure_python python_and_python python_code
        python_docs python_documentation python_file python_interpreter python_module python_object
        python_python python_script python_standard python_standard_library python_string python_tutorial
        python_version python_versions raise_an_exception raw_string read_the_file reading_and_writing
        recursive_function regular_expressions return_a_list return_a_new return_a_string return_true
        return_value returns_a_list returns_a_string returns_an_iterator second_argument second_example
        second_part side_effects side_note simple_example source_code special_case square_brackets
        string_formatting string_literals string_representation test_code text_file third_party
        time_complexity tl_dr top_level truth_value try_except user_defined user_input value_pairs
        variable_name variable_names version_of_python versions_of_python work_fine works_fine
    """,
}

STOP = """
    a about after again all also am an and any are aren't as at be because been before being both but by can
    can't cannot could couldn't did didn't do does doesn't doing don't down each either else even ever every
    few for from further get gets give given go goes got had hadn't has hasn't have haven't having he he'd
    he'll he's her here here's him his how however i i'd i'll i'm i've if in into is isn't it it's its itself
    just let let's like made make makes making many may maybe me might more most much must my no nor not now
    of off on once one only or other our out over own put rather really same see she she'd she'll she's should
    shouldn't since so some something such take than that that'd that's the their them then there there're
    there's these they they'd they'll they're they've thing things this those through to too two under until
    up upon us use used uses using very want was wasn't way we we'd we'll we're we've well were weren't what
    what's when where whether which while who who's whole whose why will with within without won't would
    wouldn't yes yet you you'd you'll you're you've your yours yourself
"""
"""Words that say nothing alone."""

PROGRAMS = """
    apt apt-get bash brew bun cargo cd chmod conda cp curl deno docker flask gem gh git go gradle helm java
    kubectl ls make mamba mkdir mv mvn mypy node nox npm npx pdm php pip pip3 pipenv pipx pnpm poetry pytest
    python python2 python3 rm ruby ruff rustc rye sh source sudo tox uv uvx venv virtualenv wget yarn yum
"""
"""Programs that a command line starts with."""

MANAGERS = """
    apt apt-get brew bun cargo conda gem mamba npm pdm pip pip3 pipenv pipx pnpm poetry rye uv yarn yum
"""
"""Programs that put packages into an environment."""

NAMES = """
    argparse asyncio beautifulsoup conda cpython datetime django flask functools ipython itertools
    jupyter matplotlib mysql numpy pandas pip pypy pyqt scipy selenium sqlalchemy sqlite subprocess
    tensorflow tkinter virtualenv
"""
"""Words of the table that name software: no words of the language."""

MODULES = """
    aiohttp attrs bs4 celery click cv2 django fastapi flask httpx jinja2 keras loguru lxml matplotlib
    nltk numpy orjson pandas pendulum pydantic pytest redis requests scipy seaborn selenium simplejson
    six sklearn sqlalchemy structlog sympy tensorflow torch tornado tqdm typer ujson urllib3 yaml
"""
"""Well-known modules beside those of the standard library."""

INSTANCES = """
    api app cache client config conn connection context ctx cursor data db driver engine handler log logger
    model obj parser pool request response result server service session settings store worker
"""
"""Names that code gives to objects."""

SUFFIXES = """
    adoc avi bak bat bin bz2 c cc cfg cjs cmd conf cpp crt cs css csv dat db dll docx ejs env eps exe gif go
    gql gradle graphql gz h h5 hcl hpp htm html ico ics ini ipynb j2 jar java jpeg jpg js json json5 jsonl
    jsx kt log lua md mdx mjs mk mp3 mp4 ndjson npy npz odt onnx parquet pdf pem php pickle pkl pl png pptx
    proto ps1 psv pt pth py pyc pyi pyx rb rdf rs rst rtf sass scala scss sh so sql sqlite sqlite3 svg tar
    tex tf tgz tmpl toml ts tsv tsx txt vue wasm wav webm webp whl woff xhtml xls xlsx xml xsd xz yaml yml
    zip
"""
"""What makes a word before a dot a file's name."""

ATTRIBUTES = """
    bin c cmd conf csv dat db env go h html js json log sql svg tar xml zip
"""
"""Those of them that code has as attributes too (`request.json`)."""

ENDINGS = """
    class diff dockerfile key less lock out patch properties r s service swift
"""
"""The same for a name with a hyphen: of one without, they are attributes too."""

FILLERS = """
    also course fact in just note of please quite rather really simply so that then very well
"""
"""Words that can be taken out of a sentence without breaking it."""

SUBJECTS = """
    can could don't it let let's lets may might must never not shall should that they to us we which will
    would you i also always
"""
"""Words behind which a word is a verb."""

ASKING = """
    code error example get help problem program python question try work write
"""
"""Words that any question may hold."""
